import * as fc from "fast-check";
import { expect, test } from "vitest";
import { type Usage, usage as usageSchema } from "../../../shared/spend.ts";
import { mergeAnthropicUsage, readAnthropicUsage } from "./usage.ts";

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
  ["no cache", { input_tokens: 9, output_tokens: 12 }, { input: 9, output: 12 }],
  [
    "a cache whose time is not told",
    {
      input_tokens: 9,
      cache_creation_input_tokens: 5,
      cache_read_input_tokens: 7,
      output_tokens: 1,
    },
    { input: 9, cache_write: 5, cache_read: 7, output: 1 },
  ],
  [
    "a cache for both times",
    {
      input_tokens: 9,
      cache_creation_input_tokens: 50,
      cache_creation: { ephemeral_5m_input_tokens: 20, ephemeral_1h_input_tokens: 30 },
      output_tokens: 1,
    },
    { input: 9, cache_write: 20, cache_write_1h: 30, output: 1 },
  ],
  [
    "a sum that is more than its parts",
    {
      input_tokens: 9,
      cache_creation_input_tokens: 60,
      cache_creation: { ephemeral_5m_input_tokens: 20, ephemeral_1h_input_tokens: 30 },
      output_tokens: 1,
    },
    { input: 9, cache_write: 30, cache_write_1h: 30, output: 1 },
  ],
  [
    "parts without a sum",
    { input_tokens: 9, cache_creation: { ephemeral_1h_input_tokens: 30 }, output_tokens: 1 },
    { input: 9, cache_write_1h: 30, output: 1 },
  ],
  [
    "thinking, which is part of the output",
    { input_tokens: 9, output_tokens: 50, output_tokens_details: { thinking_tokens: 40 } },
    { input: 9, output: 50, reasoning: 40 },
  ],
  [
    "details that are no counts",
    {
      input_tokens: 9,
      cache_creation_input_tokens: "5",
      cache_read_input_tokens: -7,
      cache_creation: null,
      output_tokens: 1,
    },
    { input: 9, output: 1 },
  ],
  [
    "a conversation that was summed up on the way",
    {
      input_tokens: 9,
      output_tokens: 10,
      iterations: [
        {
          type: "compaction",
          input_tokens: 180_000,
          output_tokens: 3_500,
          cache_read_input_tokens: 2,
          cache_creation: { ephemeral_5m_input_tokens: 1, ephemeral_1h_input_tokens: 4 },
        },
        { type: "message", input_tokens: 9, output_tokens: 10 },
      ],
    },
    { input: 180_009, output: 3_510, cache_read: 2, cache_write: 1, cache_write_1h: 4 },
  ],
])("%s", (_what, reported, expected) => {
  expect(readAnthropicUsage(reported)).toEqual({ ...nothing, ...expected });
});

test.each([
  ["nothing", undefined],
  ["null", null],
  ["no input", { output_tokens: 12 }],
  ["input that is no count", { input_tokens: "9", output_tokens: 12 }],
  ["output that is no count", { input_tokens: 9, output_tokens: 1.5 }],
  ["OpenAI's words", { prompt_tokens: 9, completion_tokens: 12 }],
])("%s is no usage", (_what, reported) => {
  expect(readAnthropicUsage(reported)).toBeUndefined();
});

test("what the end of a stream reports replaces what its beginning did, but for what it leaves open", () => {
  const started = {
    input_tokens: 25,
    cache_read_input_tokens: 7,
    cache_creation_input_tokens: 30,
    cache_creation: { ephemeral_5m_input_tokens: 0, ephemeral_1h_input_tokens: 30 },
    output_tokens: 1,
  };
  const ended = { input_tokens: 125, cache_read_input_tokens: null, output_tokens: 15 };

  expect(readAnthropicUsage(mergeAnthropicUsage(started, ended))).toEqual({
    ...nothing,
    input: 125,
    cache_read: 7,
    cache_write_1h: 30,
    output: 15,
  });
});

test("an end that reports the output alone, as older servers do, is understood with its beginning", () => {
  expect(
    readAnthropicUsage(mergeAnthropicUsage({ input_tokens: 25 }, { output_tokens: 15 })),
  ).toEqual({ ...nothing, input: 25, output: 15 });
});

test("whatever is reported, the buckets are counts or there are none", () => {
  const count = fc.oneof(fc.nat(), fc.anything());
  const reported = fc.record(
    {
      input_tokens: count,
      output_tokens: count,
      cache_creation_input_tokens: count,
      cache_read_input_tokens: count,
      cache_creation: fc.oneof(
        fc.record({ ephemeral_5m_input_tokens: count, ephemeral_1h_input_tokens: count }),
        fc.anything(),
      ),
      output_tokens_details: fc.oneof(fc.record({ thinking_tokens: count }), fc.anything()),
      iterations: fc.anything(),
    },
    { requiredKeys: [] },
  );
  fc.assert(
    fc.property(reported, (value) => {
      expect(usageSchema.optional().safeParse(readAnthropicUsage(value)).success).toBe(true);
    }),
  );
});
