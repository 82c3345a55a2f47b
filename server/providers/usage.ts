import type { Usage } from "../../shared/spend.ts";
import { countOf, type Fields, fieldsOf, isFields } from "./json.ts";

/**
 * Reads an OpenAI-shaped `usage` object into disjoint buckets, or `undefined` when it does not say what was consumed.
 *
 * - Tokens of the cache and of audio are counted inside `prompt_tokens` and `completion_tokens` there, and are taken out.
 *   Details that claim more than the whole are cut to what is left of it; details that are no counts are as good as absent, so
 *   that their tokens cost the full price.
 * - A `prompt_tokens` or `completion_tokens` that is present and no count (text, a fraction, below zero) makes the whole
 *   report unbelievable: `undefined`, and the caller counts by itself.
 * - Where `total_tokens` is above the sum of both, the rest was generated: xAI and Gemini leave thinking out of
 *   `completion_tokens`. A total on its own is a prompt, as embedding services report it.
 * - DeepSeek's `prompt_cache_hit_tokens` and `prompt_cache_miss_tokens`, and OpenRouter's `cache_write_tokens`, are understood.
 * - Perplexity's research reads `citation_tokens` and thinks `reasoning_tokens`, neither of which is in the other counts, and
 *   takes a fee for each of its searches.
 */
export function readUsage(reported: unknown): Usage | undefined {
  if (!isFields(reported)) return undefined;
  const total = countOf(reported["total_tokens"]);
  const prompt = promptTokens(reported, total);
  const completion = reported["completion_tokens"] ?? undefined;
  if (prompt === undefined) return undefined;
  if (completion !== undefined && countOf(completion) === undefined) return undefined;
  const visible = countOf(completion) ?? 0;
  const cited = countOf(reported["citation_tokens"]);
  const unlisted =
    cited === undefined
      ? Math.max(0, (total ?? 0) - prompt - visible)
      : (countOf(reported["reasoning_tokens"]) ?? 0);
  const completed = { generated: visible + unlisted, unlisted };
  const usage = bucketsOf(reported, prompt + (cited ?? 0), completed);
  const searches = cited === undefined ? 0 : (countOf(reported["num_search_queries"]) ?? 0);
  return searches === 0 ? usage : { ...usage, units: { web_searches: searches } };
}

function promptTokens(reported: Fields, total: number | undefined): number | undefined {
  const prompt = reported["prompt_tokens"] ?? undefined;
  if (prompt !== undefined) return countOf(prompt);
  const hit = countOf(reported["prompt_cache_hit_tokens"]);
  const miss = countOf(reported["prompt_cache_miss_tokens"]);
  if (hit !== undefined && miss !== undefined) return hit + miss;
  // The Responses and Anthropic shapes have totals too, and their parts mean other things.
  if (total === undefined || "input_tokens" in reported || "output_tokens" in reported)
    return undefined;
  const completion = reported["completion_tokens"] ?? 0;
  return atMost(total, total - (countOf(completion) ?? 0));
}

// One object, made at once: spreading two together cost 2 µs of every call.
function bucketsOf(
  reported: Fields,
  prompt: number,
  completion: { generated: number; unlisted: number },
): Usage {
  const promptDetails = fieldsOf(reported["prompt_tokens_details"]);
  const completionDetails = fieldsOf(reported["completion_tokens_details"]);
  const cached =
    countOf(promptDetails["cached_tokens"]) ?? countOf(reported["prompt_cache_hit_tokens"]);
  const cacheRead = atMost(prompt, cached);
  const cacheWrite = atMost(
    prompt - cacheRead,
    countOf(promptDetails["cache_write_tokens"]) ?? countOf(promptDetails["cache_creation_tokens"]),
  );
  const inputAudio = atMost(
    prompt - cacheRead - cacheWrite,
    countOf(promptDetails["audio_tokens"]),
  );
  const outputAudio = atMost(completion.generated, countOf(completionDetails["audio_tokens"]));
  const output = completion.generated - outputAudio;
  return {
    input: prompt - cacheRead - cacheWrite - inputAudio,
    cache_read: cacheRead,
    cache_write: cacheWrite,
    cache_write_1h: 0,
    input_audio: inputAudio,
    output,
    reasoning: atMost(
      output,
      countOf(completionDetails["reasoning_tokens"]) ?? completion.unlisted,
    ),
    output_audio: outputAudio,
  };
}

function atMost(limit: number, tokens: number | undefined): number {
  return tokens === undefined ? 0 : Math.max(0, Math.min(limit, tokens));
}
