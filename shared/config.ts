import { z } from "zod";
import {
  budgetDuration,
  budgetLimits,
  callLimit,
  callLimitsByModel,
  modelBudget,
  modelBudgets,
  usdAmount,
} from "./budgets.ts";
import { expiryAfter } from "./duration.ts";
import { plainText } from "./text.ts";

/**
 * The file config.yaml. Names are those of the file; a key that no schema here names is refused.
 *
 * Messages are predicates ("must be …"): whoever reports them puts the path before them.
 */

/** `os.environ/NAME` always yields text, so a number may come as text. */
function numeric<Schema extends z.ZodType<number>>(schema: Schema) {
  return z.preprocess(
    (value) =>
      typeof value === "string" && value.trim() !== "" && Number.isFinite(Number(value))
        ? Number(value)
        : value,
    schema,
  );
}

const flag = z.preprocess(
  (value) =>
    typeof value === "string" && /^(true|false)$/i.test(value)
      ? value.toLowerCase() === "true"
      : value,
  z.boolean(),
);

/** YAML reads `X-Tier: 1` as a number where the operator meant text. */
const text = z.preprocess(
  (value) => (typeof value === "number" || typeof value === "boolean" ? String(value) : value),
  z.string(),
);

/** A section whose lines are all commented out reads as null. */
function section<Schema extends z.ZodType>(schema: Schema) {
  return z.preprocess((value) => value ?? {}, schema).prefault({});
}

const name = plainText.min(1);
const seconds = numeric(z.number().positive());
const price = numeric(z.number().nonnegative());

/** What can be sent in a header: a line break in a key read from a file would fail every call. */
export const credential = z
  .string()
  .regex(/^[!-~]+$/, "must be one or more printable characters without spaces");

const headerValue = text.refine(
  (value) => /^[\t -~\u0080-\u00ff]*$/.test(value),
  "must be text that a header can carry",
);
const headerName = z.string().regex(/^[\w!#$%&'*+.^`|~-]+$/, "must be the name of a header");

const httpUrl = z
  .string()
  .refine(
    (value) => /^https?:\/\//i.test(value) && URL.canParse(value),
    "must be an http or https URL",
  );

const keyDuration = z
  .string()
  .refine(
    (value) => value === "never" || expiryAfter(value, new Date(0)) !== undefined,
    'must be a duration such as "30m" or "30d", or "never"',
  );

/**
 * Only `UTC` and names with a slash: Postgres reads "CET" as an offset without summer time, and the sign of "+01:00" the
 * other way round.
 */
const timeZone = z
  .string()
  .refine(
    (value) => value === "UTC" || (value.includes("/") && isTimeZone(value)),
    'must be an IANA time zone such as "Europe/Berlin", or "UTC"',
  );

function isTimeZone(value: string): boolean {
  try {
    return new Intl.DateTimeFormat("en", { timeZone: value }).resolvedOptions().timeZone !== "";
  } catch {
    return false;
  }
}

/** US dollars for one token, one unit or one request. In `model_info` or `litellm_params`, as the operator likes. */
const priceFields = {
  input_cost_per_token: price.optional(),
  output_cost_per_token: price.optional(),
  cache_read_input_token_cost: price.optional(),
  cache_creation_input_token_cost: price.optional(),
  /** For what is written for an hour; by default as above. */
  cache_creation_input_token_cost_above_1hr: price.optional(),
  input_cost_per_audio_token: price.optional(),
  output_cost_per_audio_token: price.optional(),
  input_cost_per_request: price.optional(),
  /** For an image that is generated; `output_…` goes before `input_…`. */
  output_cost_per_image: price.optional(),
  input_cost_per_image: price.optional(),
  /** For tokens that stand for images, in the place of `…_cost_per_token`. */
  input_cost_per_image_token: price.optional(),
  output_cost_per_image_token: price.optional(),
  /** For text to be spoken. */
  input_cost_per_character: price.optional(),
  /** For audio to be transcribed; the highest counts. */
  input_cost_per_second: price.optional(),
  output_cost_per_second: price.optional(),
  input_cost_per_audio_per_second: price.optional(),
  /** For a search, as rerankers bill them. */
  input_cost_per_query: price.optional(),
};

export const litellmParams = z.strictObject({
  /** `provider/model`; a bare name is OpenAI's. */
  model: name,
  api_key: credential.optional(),
  api_base: httpUrl.optional(),
  api_version: name.optional(),
  /** Sent to OpenAI as `OpenAI-Organization`. */
  organization: credential.optional(),
  /** Share of its group's calls, relative to the others' weights. */
  weight: numeric(z.number().nonnegative()).optional(),
  /** Calls in a minute. */
  rpm: numeric(callLimit).optional(),
  /** Tokens in a minute. */
  tpm: numeric(callLimit).optional(),
  max_parallel_requests: numeric(callLimit).optional(),
  /** Seconds. */
  timeout: seconds.optional(),
  /** Seconds; for calls with `stream: true`. */
  stream_timeout: seconds.optional(),
  headers: z.record(headerName, headerValue).optional(),
  /** Amazon's: the region, and keys where the environment has none. */
  aws_region_name: credential.optional(),
  aws_access_key_id: credential.optional(),
  aws_secret_access_key: credential.optional(),
  aws_session_token: credential.optional(),
  aws_bedrock_runtime_endpoint: httpUrl.optional(),
  /** Google Cloud's: whose account, where (`us-central1`), and a file of credentials or their JSON; by default the machine's. */
  vertex_project: z
    .string()
    .regex(/^[a-z0-9][a-z0-9.:-]*$/i, "must be the id of a project")
    .optional(),
  vertex_location: z
    .string()
    .regex(/^[a-z][a-z0-9-]*$/, "must be the name of a location")
    .optional(),
  vertex_credentials: z.string().min(1).optional(),
  /** Answered instead of calling anyone. */
  mock_response: z.string().optional(),
  drop_params: flag.optional(),
  ...priceFields,
});

export const modelInfo = z.strictObject({
  /** It is sent in a header of every reply. */
  id: text.pipe(credential).optional(),
  /** The model whose price applies, where the deployment's own name says nothing. */
  base_model: name.optional(),
  /** What it does: a route that asks for something else does not call it. */
  mode: z
    .enum([
      "chat",
      "completion",
      "responses",
      "embedding",
      "image_generation",
      "audio_speech",
      "audio_transcription",
      "moderation",
      "rerank",
    ])
    .optional(),
  max_tokens: numeric(z.number().int().positive()).optional(),
  /** The longest prompt and the longest answer that the model takes and gives: what a strict budget reckons with. */
  max_input_tokens: numeric(z.number().int().positive()).optional(),
  max_output_tokens: numeric(z.number().int().positive()).optional(),
  ...priceFields,
});

export const modelListEntry = z.strictObject({
  model_name: name,
  litellm_params: litellmParams,
  model_info: section(modelInfo),
});

export const generalSettings = z.strictObject({
  /** `generate` stands for `KEYPLANE_MASTER_KEY`, else for a key made at the first start. */
  master_key: credential.optional(),
  database_url: name.optional(),
  /** `module.export`, beside the file. */
  custom_auth: name.optional(),
  flush_interval_ms: numeric(z.number().int().min(50).max(1000)).default(500),
  /** At least two seconds: the database is asked twice in one. */
  max_key_staleness_s: numeric(z.number().min(2)).default(600),
  max_request_size_mb: numeric(z.number().positive()).default(32),
  return_upstream_model: flag.default(false),
  /** After so many seconds of silence a stream is sent a comment; 0: never. */
  stream_keep_alive_s: numeric(z.number().nonnegative()).default(15),
  /** The model whose upstream account keeps files and batches. */
  files_model: name.optional(),
  /** `strict`: a budget is never overspent, whatever calls cost; answers may be cut short for it. */
  budget_enforcement: z.enum(["default", "strict"]).default("default"),
  /** The status of a call that a spent budget refuses. */
  budget_exceeded_status: numeric(z.literal([429, 402, 400])).default(429),
  /** How long a replica may be out of touch with the database before what it holds of budgets lapses. */
  allowance_ttl_s: numeric(z.number().min(5)).default(600),
  /** `batch`: what the journal says survives the machine too, at the price of waiting for the disk. */
  journal_fsync: z.enum(["off", "batch"]).default("off"),
  journal_max_mb: numeric(z.number().positive()).default(1024),
  /** What becomes of calls that the journal has no room for: refused, or let through without being accounted for. */
  journal_full: z.enum(["refuse", "drop"]).default("refuse"),
  database_pool_size: numeric(z.number().int().positive()).default(10),
  /** False where a pooler in transaction mode stands before the database. */
  database_prepare: flag.default(true),
  /** Where replicas share what is taken of their limits. */
  redis_url: name.optional(),
  /** While Redis is away, each replica counts for itself (`fail_open`) or calls with limits are refused. */
  redis_failure: z.enum(["fail_open", "fail_closed"]).default("fail_open"),
  /** `per_replica`: each counts for itself, and that is meant. */
  limits: z.enum(["shared", "per_replica"]).default("shared"),
  /** Where the days, weeks and months of budgets begin. */
  time_zone: timeZone.default("UTC"),
});

/** What a generated key gets where the request is silent. */
export const defaultKeyGenerateParams = z.strictObject({
  duration: keyDuration.optional(),
  models: z.array(name).optional(),
  metadata: z.record(z.string(), z.json()).optional(),
  max_budget: numeric(usdAmount).optional(),
  soft_budget: numeric(usdAmount).optional(),
  budget_duration: budgetDuration.optional(),
  budget_limits: budgetLimits.optional(),
  model_max_budget: modelBudgets(
    // A union would tell of a faulty budget no more than that it is none of both.
    z.preprocess(
      (value) => (typeof value === "number" ? { max_budget: value } : value),
      modelBudget,
    ),
  ).optional(),
  rpm_limit: numeric(callLimit).optional(),
  tpm_limit: numeric(callLimit).optional(),
  max_parallel_requests: numeric(callLimit).optional(),
  model_rpm_limit: callLimitsByModel.optional(),
  model_tpm_limit: callLimitsByModel.optional(),
});

export const litellmSettings = z.strictObject({
  drop_params: flag.default(false),
  set_verbose: flag.default(false),
  /** Seconds. */
  request_timeout: seconds.default(600),
  default_key_generate_params: section(defaultKeyGenerateParams),
  /** Name asked for → group, as `router_settings.model_group_alias`. */
  model_alias_map: section(z.record(z.string(), name)),
});

export const routerSettings = z.strictObject({
  /** Name asked for → group. */
  model_group_alias: section(z.record(z.string(), name)),
});

export const configFile = z.strictObject({
  model_list: z.array(modelListEntry).min(1),
  general_settings: section(generalSettings),
  litellm_settings: section(litellmSettings),
  router_settings: section(routerSettings),
  /** Read by `os.environ/NAME` and by the providers' own variables, before the environment of the process. */
  environment_variables: section(z.record(z.string(), text)),
});

export type DeepReadonly<T> = T extends object
  ? { readonly [Key in keyof T]: DeepReadonly<T[Key]> }
  : T;

export type ConfigFile = z.output<typeof configFile>;

export type ModelListEntry = z.output<typeof modelListEntry>;

/** One deployment: `api_key` is filled in from the provider's variable where the file gives none. */
export type ModelEntry = DeepReadonly<
  ModelListEntry & {
    /** Why it cannot be called, in words for the operator; undefined when it can. */
    unavailable: string | undefined;
  }
>;

/** A config that was read: defaults filled in, every `os.environ/NAME` replaced, frozen throughout. */
export type Config = DeepReadonly<
  Omit<ConfigFile, "model_list"> & {
    model_list: ModelEntry[];
    /** The folder of the file, absolute; `custom_auth` is looked for in it. */
    directory: string;
  }
>;
