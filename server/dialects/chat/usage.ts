import type { Usage } from "../../../shared/spend.ts";

/** Usage as OpenAI tells it: what was cached and what is audio is counted inside the whole. */
export function encodeUsage(usage: Usage) {
  const prompt =
    usage.input + usage.cache_read + usage.cache_write + usage.cache_write_1h + usage.input_audio;
  const completion = usage.output + usage.output_audio;
  return {
    prompt_tokens: prompt,
    completion_tokens: completion,
    total_tokens: prompt + completion,
    prompt_tokens_details: {
      cached_tokens: usage.cache_read,
      cache_write_tokens: usage.cache_write + usage.cache_write_1h,
      audio_tokens: usage.input_audio,
    },
    completion_tokens_details: {
      reasoning_tokens: usage.reasoning,
      audio_tokens: usage.output_audio,
    },
  };
}
