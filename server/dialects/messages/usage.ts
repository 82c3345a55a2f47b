import type { Usage } from "../../../shared/spend.ts";

type Fields = Readonly<Record<string, unknown>>;

/**
 * Reads Anthropic's `usage` into disjoint buckets, or `undefined` where it does not say what was consumed. Its `input_tokens`
 * are those that no cache was read or written for.
 */
export function readMessagesUsage(reported: unknown): Usage | undefined {
  if (!isFields(reported)) return undefined;
  const input = count(reported["input_tokens"]);
  const output = count(reported["output_tokens"]);
  if (input === undefined || output === undefined) return undefined;
  const written = isFields(reported["cache_creation"]) ? reported["cache_creation"] : {};
  const hour = count(written["ephemeral_1h_input_tokens"]) ?? 0;
  const total =
    count(reported["cache_creation_input_tokens"]) ??
    hour + (count(written["ephemeral_5m_input_tokens"]) ?? 0);
  const details = reported["output_tokens_details"];
  const thinking = isFields(details) ? (count(details["thinking_tokens"]) ?? 0) : 0;
  return {
    input,
    cache_read: count(reported["cache_read_input_tokens"]) ?? 0,
    cache_write: Math.max(0, total - hour),
    cache_write_1h: Math.min(hour, total),
    input_audio: 0,
    output,
    reasoning: Math.min(thinking, output),
    output_audio: 0,
  };
}

export function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function count(value: unknown): number | undefined {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0 ? value : undefined;
}
