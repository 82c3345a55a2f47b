import type { LanguageModelV3Usage } from "@ai-sdk/provider";
import type { Usage } from "../../../shared/spend.ts";
import { readUsage } from "../usage.ts";
import { countOf, type Fields, fieldsOf, listOf } from "../json.ts";

/**
 * What a package reports, as disjoint buckets; undefined where it does not say.
 *
 * The vendor's own report, which a package hands on as `raw`, goes first where it says more than the SDK has words for: that
 * of OpenAI's shape (audio, the cache's quirks), Cohere's billed units, and what was written to a cache for an hour.
 */
export function usageOf(usage: LanguageModelV3Usage | undefined): Usage | undefined {
  const reported = fieldsOf(usage);
  const raw = fieldsOf(reported["raw"]);
  if ("prompt_tokens" in raw) return readUsage(raw);
  return billedUsage(raw) ?? unifiedUsage(reported, raw);
}

/** The tokens of an embedding: all of them are input. Bedrock's package says `NaN` where the model does not tell. */
export function embeddingUsage(tokens: unknown): Usage | undefined {
  const input = countOf(tokens);
  return input === undefined ? undefined : plainUsage(input, 0);
}

/**
 * Cohere charges `billed_units`; `tokens` counts its own template too.
 *
 * Source: https://docs.cohere.com/docs/how-does-cohere-pricing-work
 */
function billedUsage(raw: Fields): Usage | undefined {
  const billed = fieldsOf(raw["billed_units"]);
  const input = countOf(billed["input_tokens"]);
  const output = countOf(billed["output_tokens"]);
  return input === undefined || output === undefined ? undefined : plainUsage(input, output);
}

function unifiedUsage(reported: Fields, raw: Fields): Usage | undefined {
  const prompt = fieldsOf(reported["inputTokens"]);
  const completion = fieldsOf(reported["outputTokens"]);
  const total = countOf(prompt["total"]);
  const fresh = countOf(prompt["noCache"]);
  const output = countOf(completion["total"]) ?? countOf(completion["text"]);
  if (total === undefined && fresh === undefined && output === undefined) return undefined;
  const read = countOf(prompt["cacheRead"]) ?? 0;
  const written = countOf(prompt["cacheWrite"]) ?? 0;
  const writtenForAnHour = Math.min(written, hourlyCacheWrites(raw));
  return {
    ...plainUsage(fresh ?? Math.max(0, (total ?? 0) - read - written), output ?? 0),
    cache_read: read,
    cache_write: written - writtenForAnHour,
    cache_write_1h: writtenForAnHour,
    reasoning: Math.min(output ?? 0, countOf(completion["reasoning"]) ?? 0),
  };
}

/**
 * Bedrock: `cacheDetails: [{"ttl": "1h", "inputTokens": 900}]`. Anthropic: `cache_creation.ephemeral_1h_input_tokens`.
 *
 * Source: https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_CacheDetail.html
 */
function hourlyCacheWrites(raw: Fields): number {
  const bedrock = listOf(raw["cacheDetails"])
    .map(fieldsOf)
    .filter((detail) => detail["ttl"] === "1h")
    .reduce((sum, detail) => sum + (countOf(detail["inputTokens"]) ?? 0), 0);
  const creation = fieldsOf(raw["cache_creation"]);
  return bedrock + (countOf(creation["ephemeral_1h_input_tokens"]) ?? 0);
}

function plainUsage(input: number, output: number): Usage {
  return {
    input,
    cache_read: 0,
    cache_write: 0,
    cache_write_1h: 0,
    input_audio: 0,
    output,
    reasoning: 0,
    output_audio: 0,
  };
}
