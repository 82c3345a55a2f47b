import * as fc from "fast-check";
import { expect, test } from "vitest";
import { type Usage, usage as usageSchema } from "../../shared/spend.ts";
import { readUsage } from "./usage.ts";

const nothing: Usage = {
  input: 0,
  cache_read: 0,
  cache_write: 0,
  cache_write_1h: 0,
  input_audio: 0,
  output: 0,
  reasoning: 0,
  output_audio: 0,
};

test.each<[string, unknown, Partial<Usage>]>([
  [
    "OpenAI's chat",
    { prompt_tokens: 9, completion_tokens: 12, total_tokens: 21 },
    { input: 9, output: 12 },
  ],
  [
    "OpenAI's details",
    {
      prompt_tokens: 100,
      completion_tokens: 50,
      total_tokens: 150,
      prompt_tokens_details: { cached_tokens: 60, audio_tokens: 10 },
      completion_tokens_details: {
        reasoning_tokens: 20,
        audio_tokens: 5,
        accepted_prediction_tokens: 0,
      },
    },
    { input: 30, cache_read: 60, input_audio: 10, output: 45, reasoning: 20, output_audio: 5 },
  ],
  ["an embedding", { prompt_tokens: 8, total_tokens: 8 }, { input: 8 }],
  ["an embedding with nothing but a total", { total_tokens: 8 }, { input: 8 }],
  ["an explicit zero", { prompt_tokens: 0, completion_tokens: 0, total_tokens: 0 }, {}],
  [
    "details that are null",
    {
      prompt_tokens: 3,
      completion_tokens: 4,
      total_tokens: 7,
      prompt_tokens_details: null,
      completion_tokens_details: null,
    },
    { input: 3, output: 4 },
  ],
  [
    "OpenRouter's cache writes",
    {
      prompt_tokens: 100,
      completion_tokens: 1,
      prompt_tokens_details: { cached_tokens: 10, cache_write_tokens: 70 },
    },
    { input: 20, cache_read: 10, cache_write: 70, output: 1 },
  ],
  [
    "LiteLLM's cache writes",
    {
      prompt_tokens: 100,
      completion_tokens: 1,
      prompt_tokens_details: { cache_creation_tokens: 70 },
    },
    { input: 30, cache_write: 70, output: 1 },
  ],
  [
    "DeepSeek's cache",
    {
      prompt_tokens: 100,
      completion_tokens: 5,
      prompt_cache_hit_tokens: 64,
      prompt_cache_miss_tokens: 36,
    },
    { input: 36, cache_read: 64, output: 5 },
  ],
  [
    "DeepSeek's cache without a prompt count",
    { completion_tokens: 5, prompt_cache_hit_tokens: 64, prompt_cache_miss_tokens: 36 },
    { input: 36, cache_read: 64, output: 5 },
  ],
  [
    "xAI's thinking, outside the completion",
    {
      prompt_tokens: 32,
      completion_tokens: 9,
      total_tokens: 135,
      completion_tokens_details: { reasoning_tokens: 94 },
    },
    { input: 32, output: 103, reasoning: 94 },
  ],
  [
    "Gemini's thinking, in the total alone",
    { prompt_tokens: 8, completion_tokens: 9, total_tokens: 58 },
    { input: 8, output: 50, reasoning: 41 },
  ],
  ["a completion and a total", { completion_tokens: 4, total_tokens: 10 }, { input: 6, output: 4 }],
])("reads %s", (_, reported, expected) => {
  expect(readUsage(reported)).toEqual({ ...nothing, ...expected });
});

test.each<[string, unknown]>([
  ["null, as streams send it in every chunk", null],
  ["nothing", undefined],
  ["an empty object", {}],
  ["a list", [1, 2]],
  ["text", "12"],
  ["a prompt that is text", { prompt_tokens: "9", completion_tokens: 1 }],
  ["a prompt below zero", { prompt_tokens: -1, completion_tokens: 1 }],
  ["a prompt that is a fraction", { prompt_tokens: 1.5, completion_tokens: 1 }],
  ["a prompt that is no number", { prompt_tokens: Number.NaN, completion_tokens: 1 }],
  ["a prompt beyond counting", { prompt_tokens: 1e300, completion_tokens: 1 }],
  ["a completion that is text", { prompt_tokens: 9, completion_tokens: "1" }],
  ["a completion below zero", { prompt_tokens: 9, completion_tokens: -1, total_tokens: 8 }],
  ["a completion without a prompt", { completion_tokens: 4 }],
  ["a completion that is text, with a total", { completion_tokens: "4", total_tokens: 10 }],
  ["the Responses shape", { input_tokens: 4, output_tokens: 5, total_tokens: 9 }],
])("says nothing about %s", (_, reported) => {
  expect(readUsage(reported)).toBeUndefined();
});

test("details that claim more than the whole are cut, and garbage in them costs the full price", () => {
  const counts = { prompt_tokens: 10, completion_tokens: 10 };
  expect(
    readUsage({
      ...counts,
      prompt_tokens_details: { cached_tokens: 8, cache_write_tokens: 8, audio_tokens: 8 },
      completion_tokens_details: { audio_tokens: 7, reasoning_tokens: 9 },
    }),
  ).toEqual({
    ...nothing,
    cache_read: 8,
    cache_write: 2,
    cache_write_1h: 0,
    output: 3,
    reasoning: 3,
    output_audio: 7,
  });
  expect(
    readUsage({
      ...counts,
      prompt_tokens_details: { cached_tokens: -8, cache_write_tokens: "8", audio_tokens: 0.5 },
      completion_tokens_details: "none",
    }),
  ).toEqual({ ...nothing, input: 10, output: 10 });
});

test("whatever is reported, the buckets are counts, and together they are the prompt and at least the completion", () => {
  const odd = fc.oneof(
    fc.nat(1_000),
    fc.constantFrom(null, -1, 0.5, "7", Number.NaN, [], {}),
    fc.integer(),
  );
  const details = fc.record(
    {
      cached_tokens: odd,
      audio_tokens: odd,
      cache_write_tokens: odd,
      cache_creation_tokens: odd,
      reasoning_tokens: odd,
    },
    { requiredKeys: [] },
  );
  const reported = fc.record(
    {
      prompt_tokens: odd,
      completion_tokens: odd,
      total_tokens: odd,
      prompt_cache_hit_tokens: odd,
      prompt_cache_miss_tokens: odd,
      prompt_tokens_details: fc.oneof(details, odd),
      completion_tokens_details: fc.oneof(details, odd),
    },
    { requiredKeys: [] },
  );
  fc.assert(
    fc.property(reported, (value) => {
      const read = readUsage(value);
      if (!read) return;
      expect(usageSchema.safeParse(read).success).toBe(true);
      expect(read.reasoning).toBeLessThanOrEqual(read.output);
      const prompt = read.input + read.cache_read + read.cache_write + read.input_audio;
      if (typeof value.prompt_tokens === "number") expect(prompt).toBe(value.prompt_tokens);
      if (typeof value.completion_tokens === "number")
        expect(read.output + read.output_audio).toBeGreaterThanOrEqual(value.completion_tokens);
    }),
    { numRuns: 1_000 },
  );
});
