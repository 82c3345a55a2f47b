import { usdFromPicodollars } from "../../shared/money.ts";
import {
  type SpendLog,
  spendLogsReply,
  type SpendLogsRequest,
  spendLogsRequest,
} from "../../shared/spend.ts";
import { GatewayError } from "../errors.ts";
import type { Caller } from "../gateway/caller.ts";
import { hashSecret } from "../secrets.ts";
import { firstUuidAt } from "../uuid.ts";
import { findKey } from "../store/keys.ts";
import { listSpend, type SpendRecord } from "../store/spend.ts";
import type { ControlPlane } from "./control-plane.ts";
import { keyProcedure, router } from "./trpc.ts";

/** The procedures on spend. */
export const spendRouter = router({
  logs: keyProcedure
    .meta({
      rest: {
        method: "GET",
        path: "/spend/logs",
        family: "info_routes",
        summary: "Upstream attempts, newest first; a key sees its own",
      },
    })
    .input(spendLogsRequest)
    .output(spendLogsReply)
    .query(({ ctx, input }) => logs(ctx.plane, ctx.caller, input)),
});

async function logs(plane: ControlPlane, caller: Caller, request: SpendLogsRequest) {
  const { api_key, start_date, end_date, limit, ...rest } = request;
  const asked = api_key === undefined ? undefined : await ownerOf(plane, api_key);
  if (!caller.isAdmin && asked !== undefined && asked !== caller.id)
    throw new GatewayError(
      "route_not_allowed",
      `Cannot show that key's spend: ${caller.name} may look only at its own`,
      { param: "api_key" },
    );
  const rows = await listSpend(plane.sql, {
    ...rest,
    limit: limit + 1,
    key_id: caller.isAdmin ? asked : caller.id,
    from: start_date === undefined ? undefined : firstUuidAt(startOf(start_date)),
    before: end_date === undefined ? undefined : firstUuidAt(endOf(end_date)),
  });
  const data = rows.slice(0, limit).map(toSpendLog);
  return { data, next_cursor: rows.length > limit ? (data.at(-1)?.id ?? null) : null };
}

const dayMs = 86_400_000;

/** No id is older than 1970, nor can one be written that would be. */
function startOf(date: string): number {
  return Math.max(0, Date.parse(date));
}

function endOf(date: string): number {
  return startOf(date) + (date.includes("T") ? 0 : dayMs);
}

/** Whom rows are booked to. A key that is gone is still found by its id; another name is a custom caller's, by its hash. */
async function ownerOf({ sql }: ControlPlane, asked: string): Promise<string> {
  if (asked === "master" || asked.startsWith("key_")) return asked;
  const hash = /^[0-9a-f]{64}$/.test(asked) ? asked : hashSecret(asked);
  return (await findKey(sql, { hash }))?.key_id ?? hash;
}

function toSpendLog(row: SpendRecord): SpendLog {
  const {
    cost,
    key_id,
    input_tokens,
    cache_read_tokens,
    cache_write_tokens,
    cache_write_1h_tokens,
    input_audio_tokens,
    ...rest
  } = row;
  const { output_tokens, reasoning_tokens, output_audio_tokens, units, ...shown } = rest;
  const usage =
    input_tokens === null
      ? null
      : {
          input: input_tokens,
          cache_read: cache_read_tokens ?? 0,
          cache_write: cache_write_tokens ?? 0,
          cache_write_1h: cache_write_1h_tokens ?? 0,
          input_audio: input_audio_tokens ?? 0,
          output: output_tokens ?? 0,
          reasoning: reasoning_tokens ?? 0,
          output_audio: output_audio_tokens ?? 0,
          ...(units && { units }),
        };
  return {
    ...shown,
    tags: [...shown.tags],
    api_key: key_id,
    spend: cost === null ? null : usdFromPicodollars(cost),
    usage,
  };
}
