import { z } from "zod";
import { budgetFields, limitFields, temporaryBudgetFields } from "./budgets.ts";
import { duration, durationFault } from "./duration.ts";
import { keyId, secretHash } from "./ids.ts";
import { json } from "./json.ts";
import { address, plainText } from "./text.ts";

/** Says which field it was and that it is not there yet, instead of storing what nothing enforces. */
const notYet = z
  .null({
    error: ({ path }) =>
      `${path?.at(-1)?.toString() ?? "this field"} is not supported yet: leave it out or send null`,
  })
  .optional();

/** Fields of the wire contract that this version does not enforce. Null, which asks for nothing, is taken. */
const unsupportedFields = {
  budget_id: notYet,
  team_id: notYet,
  organization_id: notYet,
  auto_rotate: notYet,
  rotation_interval: notYet,
};

/** Text that a database column and a header can hold. */
const label = plainText.min(1).max(255);

const modelName = label.refine(
  (name) => name !== "all-team-models",
  "all-team-models is not supported yet",
);

/** JSON that Postgres can store: neither NUL nor half of a surrogate pair has a place in its text. */
const metadata = z
  .record(z.string(), json)
  .refine((value) => isStorable(value), "must not contain NUL characters or lone surrogates");

function isStorable(value: unknown): boolean {
  if (typeof value === "string") return !value.includes("\0") && value.isWellFormed();
  if (typeof value !== "object" || value === null) return true;
  return Object.entries(value).every(([name, member]) => isStorable(name) && isStorable(member));
}

/** Routes a key may be held to: a path as in `/chat/completions`, or a family of routes. */
const route = z.union(
  [z.enum(["llm_api_routes", "info_routes"]), z.string().regex(/^\/[\w./-]*\*?$/)],
  {
    error:
      'must be a path such as "/chat/completions", or one of "llm_api_routes" and "info_routes"',
  },
);

/** What kinds of routes a key is for. `default` is all that a virtual key may call. */
export const keyType = z.enum(["default", "llm_api", "read_only"], {
  error: ({ input }) =>
    input === "management"
      ? 'key_type "management" is not supported yet: only the master key manages keys'
      : 'must be one of "default", "llm_api" and "read_only"',
});

const emptyObject = z.strictObject({}, { error: "only {} is supported yet" });

/** What both generate and update may set. Null clears a field. */
const settableFields = {
  /** A name for people, unique among keys. */
  key_alias: label.nullish(),
  /** Model groups the key may call; wildcards such as `openai/*` too. Null and [] mean all; `no-default-models` none. */
  models: z.array(modelName).max(1000).nullish(),
  /** Name asked for → model group that is called. Replaced as a whole. */
  aliases: z.record(modelName, modelName).nullish(),
  /** The end of its validity, from now: a duration, or `never`. */
  duration: z
    .union([z.literal("never"), duration], {
      error: ({ input }) => durationFault(input, '"never", or a number'),
    })
    .nullish(),
  /** Free-form JSON that belongs to the key's owner. */
  metadata: metadata.nullish(),
  /** Labels that spend is rolled up by. */
  tags: z.array(label).max(100).nullish(),
  /** The user that spend is attributed to. */
  user_id: label.nullish(),
  allowed_routes: z.array(route).max(100).nullish(),
  key_type: keyType.nullish(),
  /** Addresses and CIDR ranges the key may be used from. Null and [] mean any. */
  allowed_ips: z.array(address).max(1000).nullish(),
  blocked: z.boolean().nullish(),
  permissions: emptyObject.nullish(),
  config: emptyObject.nullish(),
  ...budgetFields,
  ...temporaryBudgetFields,
  ...limitFields,
  ...unsupportedFields,
};

/** A secret chosen by the caller: `sk-` and at least 16 more visible ASCII characters. */
export const chosenSecret = z
  .string()
  .startsWith("sk-", 'must begin with "sk-"')
  .min(19, 'is too short for a secret: at least 16 characters must follow "sk-"')
  .max(200)
  .regex(/^[\x21-\x7e]+$/, "must be visible ASCII characters without spaces");

/**
 * POST /key/generate. Every field may be left out: a key for all models that is valid for one hour
 * (`litellm_settings.default_key_generate_params.duration` changes that).
 */
export const generateKeyRequest = z.strictObject({
  key: chosenSecret.nullish(),
  ...settableFields,
});
export type GenerateKeyRequest = z.infer<typeof generateKeyRequest>;

/** A key as a caller may name it: the secret, its SHA-256, or the stable id. */
export const keyReference = plainText
  .min(1)
  .max(300)
  .describe("The secret (sk-…), its SHA-256 in hex (token), or the key's id (key_…)");

/** POST /key/update: a merge patch. An absent field keeps its value; null clears it. `duration: null` is refused: say `never`. */
export const updateKeyRequest = z.strictObject({
  key: keyReference,
  ...settableFields,
  duration: z
    .union([z.literal("never"), duration], {
      error: (issue) =>
        issue.input === null
          ? 'null is ambiguous here: send "never" for a key that does not expire'
          : durationFault(issue.input, '"never", or a number'),
    })
    .optional(),
});
export type UpdateKeyRequest = z.infer<typeof updateKeyRequest>;

/** A virtual key as replies show it. The secret is in no reply but that of generate. */
export const keyRecord = z.object({
  key_id: keyId,
  /** SHA-256 of the secret, in hex. */
  token: z.string(),
  /** The secret's last four characters, for display. */
  key_name: z.string(),
  key_alias: z.string().nullable(),
  /** Lifetime spend in USD. */
  spend: z.number(),
  /** Null for a key that does not expire. */
  expires: z.date().nullable(),
  models: z.array(z.string()),
  aliases: z.record(z.string(), z.string()),
  config: z.object({}),
  metadata: z.record(z.string(), json),
  tags: z.array(z.string()),
  user_id: z.string().nullable(),
  allowed_routes: z.array(z.string()),
  key_type: keyType,
  allowed_ips: z.array(z.string()),
  permissions: z.object({}),
  blocked: z.boolean(),
  created_at: z.date(),
  updated_at: z.date(),
  created_by: z.string(),
  max_budget: z.number().nullable(),
  soft_budget: z.number().nullable(),
  budget_duration: z.string().nullable(),
  budget_limits: z.array(z.object({ max_budget: z.number(), budget_duration: z.string() })),
  model_max_budget: z.record(
    z.string(),
    z.object({ max_budget: z.number(), budget_duration: z.string().nullable() }),
  ),
  temp_budget_increase: z.number().nullable(),
  temp_budget_expiry: z.date().nullable(),
  rpm_limit: z.number().nullable(),
  tpm_limit: z.number().nullable(),
  max_parallel_requests: z.number().nullable(),
  model_rpm_limit: z.record(z.string(), z.number()),
  model_tpm_limit: z.record(z.string(), z.number()),
});
export type KeyRecord = z.infer<typeof keyRecord>;

/** The window that a budget is in. Amounts are in USD. */
const budgetWindow = z.object({
  /** `max_budget`, `limit:1d` or `model:gpt-4o`. */
  budget: z.string(),
  /** The model group that it is for; null for all. */
  model: z.string().nullable(),
  /** A temporary increase included, while it lasts. */
  max_budget: z.number().nullable(),
  soft_budget: z.number().nullable(),
  budget_duration: z.string().nullable(),
  spend: z.number(),
  /** Held for calls in flight and those about to come. */
  reserved: z.number(),
  starts_at: z.date(),
  /** Null for a window without an end. */
  resets_at: z.date().nullable(),
});

/** A key with what it has spent of its budgets. */
export const keyDetails = keyRecord.extend({
  budget_windows: z.array(budgetWindow),
  /** The end of the window of `max_budget`. */
  budget_reset_at: z.date().nullable(),
});
export type KeyDetails = z.infer<typeof keyDetails>;

export const generateKeyReply = keyRecord.extend({
  /** The secret, in plain text, for the only time. */
  key: z.string(),
  token: secretHash,
  token_id: secretHash,
});

export const keyInfoRequest = z.strictObject({ key: keyReference.optional() });
/** `key` and `info.token` stand as they were asked for. */
export const keyInfoReply = z.object({ key: z.string(), info: keyDetails });

export const keyOnlyRequest = z.strictObject({ key: keyReference });

export const updateAliasesRequest = z.strictObject({
  key: keyReference,
  aliases: z.record(modelName, modelName),
});

export const deleteKeysRequest = z
  .strictObject({
    keys: z.array(keyReference).min(1).max(1000).optional(),
    key_aliases: z.array(plainText.min(1)).min(1).max(1000).optional(),
  })
  .refine(({ keys, key_aliases }) => (keys === undefined) !== (key_aliases === undefined), {
    error: "name the keys to delete in keys or in key_aliases, not in both",
    path: ["keys"],
  });
export const deleteKeysReply = z.object({ deleted_keys: z.array(z.string()) });

export const listKeysRequest = z.strictObject({
  page: z.number().int().min(1).max(1_000_000).default(1),
  size: z.number().int().min(1).max(100).default(10),
  user_id: plainText.optional(),
  key_alias: plainText.optional(),
  sort_by: z
    .enum(["created_at", "updated_at", "expires", "key_alias", "spend"])
    .default("created_at"),
  sort_order: z.enum(["asc", "desc"]).default("desc"),
  /** Whole keys instead of their hashes. */
  return_full_object: z.boolean().default(false),
});
export type ListKeysRequest = z.infer<typeof listKeysRequest>;
export const listKeysReply = z.object({
  keys: z.array(z.union([z.string(), keyDetails])),
  total_count: z.number().int(),
  current_page: z.number().int(),
  total_pages: z.number().int(),
});
