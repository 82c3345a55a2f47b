import type { Usage } from "../../../shared/spend.ts";
import { type Fields, fieldsOf, isFields, listOf } from "../json.ts";

/**
 * Reads Anthropic's `usage` object into disjoint buckets, or `undefined` when it does not say what was consumed.
 *
 * - `input_tokens` holds no token of the cache. `cache_creation_input_tokens` is all that was written to it, and `cache_creation`
 *   says how much of that for an hour; the rest was written for five minutes.
 * - `output_tokens` includes thinking.
 * - Searches of the web are charged each, beside the tokens that they bring.
 * - Where the upstream summed up the conversation on its way (`iterations` with a `compaction`), that was consumed on top of
 *   what the fields beside it say.
 * - One that lacks input or output, or has what is no count there (text, a fraction, below zero), is not believed:
 *   `undefined`, and the caller counts by itself. Details that are no counts are as good as absent.
 *
 * Source: https://platform.claude.com/docs/en/api/messages/create#usage
 */
export function readAnthropicUsage(reported: unknown): Usage | undefined {
  if (!isFields(reported)) return undefined;
  const usage = bucketsOf(reported);
  if (usage === undefined || reported["iterations"] === undefined) return usage;
  return listOf(reported["iterations"])
    .filter((iteration) => fieldsOf(iteration)["type"] === "compaction")
    .map((iteration) => bucketsOf(fieldsOf(iteration)))
    .reduce<Usage>((sum, part) => (part ? add(sum, part) : sum), usage);
}

/**
 * The `usage` of a stream so far. What `message_delta` reports is cumulative and replaces what `message_start` said; fields that
 * it leaves out or has as null stand as they were.
 */
export function mergeAnthropicUsage(earlier: unknown, later: unknown): Fields {
  const merged: Record<string, unknown> = { ...fieldsOf(earlier) };
  for (const [name, value] of Object.entries(fieldsOf(later)))
    if (value !== null && value !== undefined) merged[name] = value;
  return merged;
}

function bucketsOf(reported: Fields): Usage | undefined {
  const input = count(reported["input_tokens"]);
  const output = count(reported["output_tokens"]);
  if (input === undefined || output === undefined) return undefined;
  const created = fieldsOf(reported["cache_creation"]);
  const hour = count(created["ephemeral_1h_input_tokens"]) ?? 0;
  const minutes = count(created["ephemeral_5m_input_tokens"]) ?? 0;
  const written = count(reported["cache_creation_input_tokens"]) ?? hour + minutes;
  const writtenForHour = Math.min(hour, written);
  const thought = count(fieldsOf(reported["output_tokens_details"])["thinking_tokens"]) ?? 0;
  const searches = count(fieldsOf(reported["server_tool_use"])["web_search_requests"]) ?? 0;
  return {
    input,
    cache_read: count(reported["cache_read_input_tokens"]) ?? 0,
    cache_write: written - writtenForHour,
    cache_write_1h: writtenForHour,
    input_audio: 0,
    output,
    reasoning: Math.min(thought, output),
    output_audio: 0,
    ...(searches > 0 && { units: { web_searches: searches } }),
  };
}

function add(sum: Usage, part: Usage): Usage {
  return {
    ...sum,
    input: sum.input + part.input,
    cache_read: sum.cache_read + part.cache_read,
    cache_write: sum.cache_write + part.cache_write,
    cache_write_1h: sum.cache_write_1h + part.cache_write_1h,
    input_audio: 0,
    output: sum.output + part.output,
    reasoning: sum.reasoning + part.reasoning,
    output_audio: 0,
  };
}

function count(value: unknown): number | undefined {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0 ? value : undefined;
}
