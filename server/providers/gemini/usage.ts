import type { Units, Usage } from "../../../shared/spend.ts";
import { countOf, fieldsOf, isFields, listOf } from "../json.ts";

/**
 * Reads Gemini's `usageMetadata`; undefined where it does not say what the prompt was, as in all but the last of Vertex's
 * chunks.
 *
 * - `promptTokenCount` counts what was read from a cache too; what Google's own tools brought is counted beside it.
 * - `thoughtsTokenCount` is not in `candidatesTokenCount`. Where the latter is missing, it is what the total leaves.
 * - Audio is told by modality, within the prompt, the cache and the answer. Of what was read from a cache it stays there, and
 *   `units` says how much it is, as it does of the images within the answer.
 *
 * Source: https://ai.google.dev/api/generate-content#UsageMetadata
 */
export function readUsage(reported: unknown): Usage | undefined {
  if (!isFields(reported)) return undefined;
  const prompt = countOf(reported["promptTokenCount"]);
  if (prompt === undefined) return undefined;
  const tools = countOf(reported["toolUsePromptTokenCount"]) ?? 0;
  const thoughts = countOf(reported["thoughtsTokenCount"]) ?? 0;
  const total = countOf(reported["totalTokenCount"]) ?? 0;
  const answer =
    countOf(reported["candidatesTokenCount"]) ?? Math.max(0, total - prompt - tools - thoughts);
  const cached = Math.min(prompt, countOf(reported["cachedContentTokenCount"]) ?? 0);
  const cachedAudio = Math.min(cached, tokensOf("AUDIO", reported["cacheTokensDetails"]));
  const heard = Math.max(0, tokensOf("AUDIO", reported["promptTokensDetails"]) - cachedAudio);
  const inputAudio = Math.min(prompt - cached, heard);
  const answered = reported["candidatesTokensDetails"];
  const outputAudio = Math.min(answer, tokensOf("AUDIO", answered));
  const images = Math.min(answer - outputAudio, tokensOf("IMAGE", answered));
  const usage = {
    input: prompt - cached - inputAudio + tools,
    cache_read: cached,
    cache_write: 0,
    cache_write_1h: 0,
    input_audio: inputAudio,
    output: answer - outputAudio + thoughts,
    reasoning: thoughts,
    output_audio: outputAudio,
  };
  return cachedAudio + images === 0 ? usage : { ...usage, units: unitsOf(cachedAudio, images) };
}

function unitsOf(cachedAudio: number, images: number): Units {
  return {
    ...(cachedAudio > 0 && { cached_audio_tokens: cachedAudio }),
    ...(images > 0 && { output_image_tokens: images }),
  };
}

function tokensOf(wanted: "AUDIO" | "IMAGE", details: unknown): number {
  let tokens = 0;
  for (const detail of listOf(details)) {
    const { modality, tokenCount } = fieldsOf(detail);
    if (modality === wanted) tokens += countOf(tokenCount) ?? 0;
  }
  return tokens;
}
