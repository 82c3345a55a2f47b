import type { LanguageModelV3Usage } from "@ai-sdk/provider";
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { embeddingUsage, usageOf } from "./read-usage.ts";

const nothing: LanguageModelV3Usage = {
  inputTokens: {
    total: undefined,
    noCache: undefined,
    cacheRead: undefined,
    cacheWrite: undefined,
  },
  outputTokens: { total: undefined, text: undefined, reasoning: undefined },
};

test("a report without a number is none", () => {
  expect(usageOf(nothing)).toBeUndefined();
  expect(usageOf({ ...nothing, raw: { prompt_tokens: null } })).toBeUndefined();
  expect(usageOf(undefined)).toBeUndefined();
});

test("what is not said to be read from a cache is fresh", () => {
  const inputTokens = { total: 100, noCache: undefined, cacheRead: 60, cacheWrite: 30 };
  expect(usageOf({ ...nothing, inputTokens })).toMatchObject({
    input: 10,
    cache_read: 60,
    cache_write: 30,
    output: 0,
  });
});

test("an OpenAI-shaped report is read as such: audio is apart", () => {
  const raw = {
    prompt_tokens: 50,
    completion_tokens: 20,
    prompt_tokens_details: { audio_tokens: 30 },
    completion_tokens_details: { audio_tokens: 15 },
  };
  expect(usageOf({ ...nothing, raw })).toMatchObject({
    input: 20,
    input_audio: 30,
    output: 5,
    output_audio: 15,
  });
});

test("an embedding whose tokens nobody counted has no usage", () => {
  expect(embeddingUsage(NaN)).toBeUndefined();
  expect(embeddingUsage(7)).toMatchObject({ input: 7, output: 0 });
});

test("whatever is reported, buckets are counts and thoughts are part of the output", () => {
  const number = fc.oneof(fc.nat(), fc.double(), fc.constant(undefined), fc.integer());
  const report = fc.record({
    inputTokens: fc.record({
      total: number,
      noCache: number,
      cacheRead: number,
      cacheWrite: number,
    }),
    outputTokens: fc.record({ total: number, text: number, reasoning: number }),
    raw: fc.oneof(
      fc.record({
        cacheDetails: fc.array(
          fc.record({ ttl: fc.constantFrom("5m", "1h"), inputTokens: number }),
        ),
      }),
      fc.record({ billed_units: fc.record({ input_tokens: number, output_tokens: number }) }),
      fc.object(),
    ),
  });
  fc.assert(
    fc.property(fc.oneof(report, fc.object()), (reported) => {
      const usage = usageOf(reported as unknown as LanguageModelV3Usage);
      if (!usage) return;
      for (const tokens of Object.values(usage))
        expect(Number.isSafeInteger(tokens) && Number(tokens) >= 0).toBe(true);
      expect(usage.reasoning).toBeLessThanOrEqual(usage.output);
    }),
  );
});
