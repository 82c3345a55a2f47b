import postgres from "postgres";
import type { z } from "zod";
import { secretHash } from "../../shared/ids.ts";
import {
  chosenSecret,
  deleteKeysReply,
  deleteKeysRequest,
  generateKeyReply,
  type GenerateKeyRequest,
  generateKeyRequest,
  type KeyDetails,
  keyInfoReply,
  keyInfoRequest,
  keyOnlyRequest,
  keyRecord,
  listKeysReply,
  listKeysRequest,
  updateAliasesRequest,
  updateKeyRequest,
} from "../../shared/keys.ts";
import { GatewayError } from "../errors.ts";
import type { Caller } from "../gateway/caller.ts";
import { hashSecret, newKeyId, newSecret } from "../secrets.ts";
import {
  deleteKeys,
  findKey,
  insertKey,
  type KeyColumns,
  type KeyName,
  type KeyRow,
  listKeys,
  updateKey,
  updateKeyAndBudgets,
} from "../store/keys.ts";
import { currentWindows } from "../store/budgets.ts";
import type { ControlPlane } from "./control-plane.ts";
import { budgetChangeOf, type BudgetsChange, changedBudgets } from "./key-budgets.ts";
import { withDefaults } from "./key-defaults.ts";
import { columnsOf, toKeyDetails, toKeyRecord } from "./key-record.ts";
import { adminProcedure, keyProcedure, router } from "./trpc.ts";

/** The procedures on virtual keys, over tRPC and REST alike. */
export const keyRouter = router({
  generate: adminProcedure
    .meta({
      rest: {
        method: "POST",
        path: "/key/generate",
        summary: "Make a virtual key; its secret is shown this once",
      },
    })
    .input(generateKeyRequest)
    .output(generateKeyReply)
    .mutation(({ ctx, input }) => generate(ctx.plane, ctx.caller, input)),

  info: keyProcedure
    .meta({
      rest: {
        method: "GET",
        path: "/key/info",
        family: "info_routes",
        summary: "A key and its spend; without key, the caller's own",
      },
    })
    .input(keyInfoRequest)
    .output(keyInfoReply)
    .query(({ ctx, input }) => info(ctx.plane, ctx.caller, input.key)),

  update: adminProcedure
    .meta({
      rest: {
        method: "POST",
        path: "/key/update",
        summary: "Change fields of a key; absent ones are kept, null clears",
      },
    })
    .input(updateKeyRequest)
    .output(keyRecord)
    .mutation(({ ctx, input: { key, ...fields } }) => {
      const now = new Date();
      return change(ctx.plane, key, columnsOf(fields, now), budgetChangeOf(fields, now));
    }),

  updateAliases: adminProcedure
    .meta({
      rest: { method: "PATCH", path: "/key/aliases", summary: "Replace a key's alias mapping" },
    })
    .input(updateAliasesRequest)
    .output(keyRecord)
    .mutation(({ ctx, input: { key, aliases } }) => change(ctx.plane, key, { aliases })),

  delete: adminProcedure
    .meta({
      rest: {
        method: "POST",
        path: "/key/delete",
        summary: "Delete keys by secret, hash or id, or by alias",
      },
    })
    .input(deleteKeysRequest)
    .output(deleteKeysReply)
    .mutation(async ({ ctx, input }) => ({ deleted_keys: await remove(ctx.plane, input) })),

  block: adminProcedure
    .meta({ rest: { method: "POST", path: "/key/block", summary: "Refuse a key from now on" } })
    .input(keyOnlyRequest)
    .output(keyRecord)
    .mutation(({ ctx, input }) => change(ctx.plane, input.key, { blocked: true })),

  unblock: adminProcedure
    .meta({ rest: { method: "POST", path: "/key/unblock", summary: "Take a blocked key again" } })
    .input(keyOnlyRequest)
    .output(keyRecord)
    .mutation(({ ctx, input }) => change(ctx.plane, input.key, { blocked: false })),

  list: adminProcedure
    .meta({ rest: { method: "GET", path: "/key/list", summary: "Keys, a page at a time" } })
    .input(listKeysRequest)
    .output(listKeysReply)
    .query(async ({ ctx, input }) => {
      const { rows, total } = await listKeys(ctx.plane.sql, input);
      const keys = input.return_full_object
        ? await detailed(ctx.plane, rows)
        : rows.map(({ hash }) => hash);
      return {
        keys,
        total_count: total,
        current_page: input.page,
        total_pages: Math.ceil(total / input.size),
      };
    }),
});

async function generate(plane: ControlPlane, caller: Caller, request: GenerateKeyRequest) {
  const { key: chosen, ...asked } = request;
  const now = new Date();
  const fields = withDefaults(asked, plane.defaultKeyParams);
  const secret = chosen ?? newSecret();
  const hash = hashSecret(secret);
  const key_id = newKeyId();
  const row = await refusingTaken(fields.key_alias, () =>
    insertKey(plane.sql, {
      ...emptyColumns,
      ...columnsOf(fields, now),
      budgets: changedBudgets([], fields, now),
      key_id,
      hash,
      last_four: secret.slice(-4),
      created_by: caller.id,
    }),
  );
  plane.keys.drop({ key_id, secret_hash: hash });
  return { ...toKeyRecord(row), key: secret, token_id: hash };
}

const emptyColumns: KeyColumns = {
  key_alias: null,
  models: [],
  aliases: {},
  metadata: {},
  tags: [],
  user_id: null,
  allowed_routes: [],
  key_type: "default",
  allowed_ips: [],
  blocked: false,
  expires: null,
  rpm_limit: null,
  tpm_limit: null,
  max_parallel_requests: null,
  model_rpm_limit: {},
  model_tpm_limit: {},
};

async function info(plane: ControlPlane, caller: Caller, asked: string | undefined) {
  if (asked === undefined && caller.isAdmin)
    throw new GatewayError(
      "invalid_request",
      "Cannot tell which key is meant: name one in key, or call with the key itself",
      { param: "key" },
    );
  const row =
    asked === undefined
      ? await found(plane, { key_id: caller.id }, caller.name)
      : await visible(plane, caller, asked);
  const shown = asked ?? row.hash;
  const details = toKeyDetails(row, await windowsOf(plane, [row]));
  return { key: shown, info: { ...details, token: shown } };
}

/** The windows that the budgets of keys are in. */
async function windowsOf({ sql, timeZone }: ControlPlane, rows: readonly KeyRow[]) {
  const owners = rows.filter(({ budgets }) => budgets.length > 0).map(({ key_id }) => key_id);
  return owners.length === 0 ? [] : currentWindows(sql, "key", owners, timeZone);
}

async function detailed(plane: ControlPlane, rows: readonly KeyRow[]): Promise<KeyDetails[]> {
  const windows = await windowsOf(plane, rows);
  return rows.map((row) => toKeyDetails(row, windows));
}

/** A key may look at itself and at no other; whether another exists is not told. */
async function visible(plane: ControlPlane, caller: Caller, asked: string): Promise<KeyRow> {
  const row = await findKey(plane.sql, nameOf(asked));
  if (!caller.isAdmin && row?.key_id !== caller.id)
    throw new GatewayError(
      "route_not_allowed",
      `Cannot show that key: ${caller.name} may look only at itself`,
    );
  return row ?? missing(shownAs(asked));
}

async function change(
  plane: ControlPlane,
  asked: string,
  columns: Partial<KeyColumns>,
  budgetChange?: BudgetsChange,
) {
  const name = nameOf(asked);
  const row =
    (await refusingTaken(columns.key_alias, () =>
      budgetChange
        ? updateKeyAndBudgets(plane.sql, name, columns, budgetChange)
        : updateKey(plane.sql, name, columns),
    )) ?? missing(shownAs(asked));
  plane.keys.drop({ key_id: row.key_id, secret_hash: null });
  return toKeyRecord(row);
}

async function remove(
  plane: ControlPlane,
  { keys, key_aliases = [] }: z.infer<typeof deleteKeysRequest>,
): Promise<string[]> {
  const deleted = await deleteKeys(
    plane.sql,
    keys ? { references: keys.map(referenceOf) } : { aliases: key_aliases },
  );
  for (const { key_id } of deleted) plane.keys.drop({ key_id, secret_hash: null });
  const names = new Set(deleted.map(({ name }) => name));
  const gone = keys
    ? keys.filter((key) => names.has(referenceOf(key)))
    : key_aliases.filter((alias) => names.has(alias));
  if (gone.length > 0) return gone;
  return keys
    ? missing("any of these keys", "keys")
    : missing("a key by any of these aliases", "key_aliases");
}

function nameOf(asked: string): KeyName {
  const reference = referenceOf(asked);
  return isKeyId(reference) ? { key_id: reference } : { hash: reference };
}

/** What the database knows a key by: its id or the hash of its secret. */
function referenceOf(asked: string): string {
  return isKeyId(asked) || isHash(asked) ? asked : hashSecret(asked);
}

function isKeyId(asked: string): boolean {
  return asked.startsWith("key_");
}

function isHash(asked: string): boolean {
  return secretHash.safeParse(asked).success;
}

/** Whatever may be a secret is not repeated in an answer that may be logged: of a short one four characters are most. */
function shownAs(asked: string): string {
  if (isKeyId(asked) || isHash(asked)) return `key ${JSON.stringify(asked)}`;
  return chosenSecret.safeParse(asked).success ? `key sk-...${asked.slice(-4)}` : "that key";
}

async function found(plane: ControlPlane, name: KeyName, shown: string): Promise<KeyRow> {
  return (await findKey(plane.sql, name)) ?? missing(shown);
}

function missing(shown: string, param: "key" | "keys" | "key_aliases" = "key"): never {
  throw new GatewayError("key_not_found", `Cannot find ${shown}`, { param });
}

/** The unique constraints decide, so that of two requests at once for one name one is told. */
async function refusingTaken<T>(
  alias: string | null | undefined,
  write: () => Promise<T>,
): Promise<T> {
  try {
    return await write();
  } catch (error) {
    if (!(error instanceof postgres.PostgresError) || error.code !== "23505") throw error;
    if (error.constraint_name === "key_secret_pkey")
      throw new GatewayError("key_taken", "Cannot use this key: it is taken", {
        param: "key",
        cause: error,
      });
    throw new GatewayError(
      "key_alias_taken",
      `Cannot use key_alias ${JSON.stringify(alias)}: another key has it`,
      { param: "key_alias", cause: error },
    );
  }
}
