import { z } from "zod";
import { plainText } from "./text.ts";

const quantity = z.number().int().nonnegative().optional();

/** What a call consumed that is not counted in tokens, or costs otherwise than they do. What it has nothing of is absent. */
export const units = z.object({
  /** Images that were generated. */
  images: quantity,
  /** Characters, as code points, of text that was to be spoken. */
  characters: quantity,
  /** Milliseconds of audio that was heard. */
  audio_ms: quantity,
  /** Searches, as rerankers bill them: a query with so many documents. */
  searches: quantity,
  /** How many of `input` and of `output` stand for images. */
  input_image_tokens: quantity,
  output_image_tokens: quantity,
  /** How many of `cache_read` stand for audio. */
  cached_audio_tokens: quantity,
  /** Searches of the web that the upstream made on its own. */
  web_searches: quantity,
});
export type Units = z.infer<typeof units>;

/**
 * What a call consumed, in tokens, as disjoint buckets: a token is counted in one bucket only.
 * `reasoning` is the exception: it says how many of `output` were spent on thinking.
 */
export const tokenUsage = z.object({
  /** Prompt tokens that were neither read from nor written to a cache, and are not audio. */
  input: z.number().int().nonnegative(),
  cache_read: z.number().int().nonnegative(),
  /** Written to a cache for the usual time: five minutes, where an upstream offers several. */
  cache_write: z.number().int().nonnegative(),
  /** Written to a cache for an hour, which costs more. */
  cache_write_1h: z.number().int().nonnegative(),
  input_audio: z.number().int().nonnegative(),
  /** Generated tokens that are not audio, reasoning included. */
  output: z.number().int().nonnegative(),
  reasoning: z.number().int().nonnegative(),
  output_audio: z.number().int().nonnegative(),
});
export type TokenUsage = z.infer<typeof tokenUsage>;

/** What a call consumed: tokens, and what it did beside; `units` is absent where there is nothing else. */
export const usage = tokenUsage.extend({ units: units.optional() });
export type Usage = z.infer<typeof usage>;

/** The unit prices that calls are charged at. */
export interface RateCard {
  /** The hash of the rest: the same prices are the same card. */
  readonly id: string;
  readonly source: string;
  /** Picodollars per token and per unit, as text: JSON has no number that holds them. */
  readonly rates: Readonly<Record<string, unknown>>;
}

/** How an upstream attempt ended. `aborted`: the client hung up. `interrupted`: the gateway died, and charged its estimate. */
export const attemptStatus = z.enum(["success", "failure", "aborted", "interrupted"]);
export type AttemptStatus = z.infer<typeof attemptStatus>;

/** One upstream attempt, as GET /spend/logs shows it. */
export const spendLog = z.object({
  id: z.uuid(),
  /** The client's own `x-request-id` or `x-litellm-call-id`, else one of ours. Not unique. */
  request_id: z.string(),
  /** The key's id, `master`, or the hash of a custom caller's key. */
  api_key: z.string(),
  user_id: z.string().nullable(),
  tags: z.array(z.string()),
  /** The name that the client asked for. */
  model: z.string(),
  model_group: z.string(),
  deployment: z.string(),
  upstream_model: z.string(),
  /** USD; null when the price or the usage is unknown. */
  spend: z.number().nullable(),
  /** Where the prices came from; null when there are none. */
  price_source: z.string().nullable(),
  usage: usage.nullable(),
  status: attemptStatus,
  error_code: z.string().nullable(),
  /** The usage was counted here, because the upstream did not report it. */
  estimated: z.boolean(),
  streamed: z.boolean(),
  started_at: z.date(),
  ended_at: z.date(),
});
export type SpendLog = z.infer<typeof spendLog>;

/** GET /spend/logs. Newest first. A virtual key sees its own rows only. */
export const spendLogsRequest = z.strictObject({
  request_id: plainText.optional(),
  /** A key by its secret, hash or id. */
  api_key: plainText.optional(),
  user_id: plainText.optional(),
  status: attemptStatus.optional(),
  /** From this moment on. A date alone is its midnight in UTC. */
  start_date: z.iso.datetime({ offset: true }).or(z.iso.date()).optional(),
  /** Until before this moment; a date alone includes that day. */
  end_date: z.iso.datetime({ offset: true }).or(z.iso.date()).optional(),
  limit: z.number().int().min(1).max(1000).default(100),
  /** `next_cursor` of the page before. */
  cursor: z.uuid().optional(),
});
export type SpendLogsRequest = z.infer<typeof spendLogsRequest>;

export const spendLogsReply = z.object({
  data: z.array(spendLog),
  next_cursor: z.uuid().nullable(),
});
