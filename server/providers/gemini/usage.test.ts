import * as fc from "fast-check";
import { expect, test } from "vitest";
import { readUsage } from "./usage.ts";

const none = {
  input: 0,
  cache_read: 0,
  cache_write: 0,
  cache_write_1h: 0,
  input_audio: 0,
  output: 0,
  reasoning: 0,
  output_audio: 0,
};

test.each([
  [
    "thoughts are generated beside the answer",
    {
      promptTokenCount: 9,
      candidatesTokenCount: 23,
      thoughtsTokenCount: 302,
      totalTokenCount: 334,
    },
    { input: 9, output: 325, reasoning: 302 },
  ],
  [
    "what was read from a cache is within the prompt",
    { promptTokenCount: 1200, cachedContentTokenCount: 1024, candidatesTokenCount: 2 },
    { input: 176, cache_read: 1024, output: 2 },
  ],
  [
    "what Google's tools brought is beside the prompt",
    {
      promptTokenCount: 55,
      candidatesTokenCount: 51,
      totalTokenCount: 251,
      toolUsePromptTokenCount: 89,
      thoughtsTokenCount: 56,
    },
    { input: 144, output: 107, reasoning: 56 },
  ],
  [
    "audio is told by modality",
    {
      promptTokenCount: 500,
      candidatesTokenCount: 80,
      promptTokensDetails: [
        { modality: "TEXT", tokenCount: 100 },
        { modality: "AUDIO", tokenCount: 400 },
      ],
      candidatesTokensDetails: [{ modality: "AUDIO", tokenCount: 60 }],
    },
    { input: 100, input_audio: 400, output: 20, output_audio: 60 },
  ],
  [
    "audio from a cache is not heard again",
    {
      promptTokenCount: 500,
      cachedContentTokenCount: 300,
      promptTokensDetails: [{ modality: "AUDIO", tokenCount: 400 }],
      cacheTokensDetails: [{ modality: "AUDIO", tokenCount: 300 }],
    },
    { input: 100, cache_read: 300, input_audio: 100, units: { cached_audio_tokens: 300 } },
  ],
  [
    "an answer that is not counted is what the total leaves",
    { promptTokenCount: 6, totalTokenCount: 20, thoughtsTokenCount: 9 },
    { input: 6, output: 14, reasoning: 9 },
  ],
  ["a prompt alone", { promptTokenCount: 9, totalTokenCount: 9 }, { input: 9 }],
])("%s", (_what, reported, expected) => {
  expect(readUsage(reported)).toEqual({ ...none, ...expected });
});

test.each([
  [undefined],
  [null],
  ["9"],
  [{}],
  [{ trafficType: "ON_DEMAND" }],
  [{ promptTokenCount: "9" }],
  [{ promptTokenCount: -1 }],
  [{ promptTokenCount: 1.5 }],
])("%j says nothing of what was used", (reported) => {
  expect(readUsage(reported)).toBeUndefined();
});

test("no token is counted twice, and none is lost, whatever the details claim", () => {
  const count = fc.nat(10_000);
  const details = fc.array(
    fc.record({ modality: fc.constantFrom("TEXT", "AUDIO", "IMAGE"), tokenCount: count }),
  );
  const reported = fc.record({
    promptTokenCount: count,
    candidatesTokenCount: count,
    cachedContentTokenCount: count,
    thoughtsTokenCount: count,
    toolUsePromptTokenCount: count,
    promptTokensDetails: details,
    cacheTokensDetails: details,
    candidatesTokensDetails: details,
  });
  fc.assert(
    fc.property(reported, (metadata) => {
      const { units = {}, ...usage } = readUsage(metadata) ?? { ...none, units: {} };
      expect(units.cached_audio_tokens ?? 0).toBeLessThanOrEqual(usage.cache_read);
      expect(units.output_image_tokens ?? 0).toBeLessThanOrEqual(usage.output);
      expect(Math.min(...Object.values(usage))).toBeGreaterThanOrEqual(0);
      expect(usage.input + usage.cache_read + usage.input_audio).toBe(
        metadata.promptTokenCount + metadata.toolUsePromptTokenCount,
      );
      expect(usage.output + usage.output_audio).toBe(
        metadata.candidatesTokenCount + metadata.thoughtsTokenCount,
      );
    }),
  );
});
