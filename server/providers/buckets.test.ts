import { findProvider } from "@pydantic/genai-prices";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Usage } from "../../shared/spend.ts";
import { readUsage as readResponsesUsage } from "../dialects/responses/native/usage.ts";
import { usageOf } from "./ai-sdk/read-usage.ts";
import { readAnthropicUsage } from "./anthropic/usage.ts";
import { readUsage as readGeminiUsage } from "./gemini/usage.ts";
import { price, resolveRates } from "./prices.ts";
import { readUsage } from "./usage.ts";

const tokens = fc.nat(300_000);

/** What a call may have consumed, in any mixture. */
const consumed: fc.Arbitrary<Usage> = fc
  .record({
    input: tokens,
    cache_read: tokens,
    cache_write: tokens,
    cache_write_1h: tokens,
    input_audio: tokens,
    output: tokens,
    reasoning: tokens,
    output_audio: tokens,
  })
  .map((usage) => ({ ...usage, reasoning: Math.min(usage.reasoning, usage.output) }));

const none = { cache_write: 0, cache_write_1h: 0, input_audio: 0, output_audio: 0 };

function promptOf(usage: Usage): number {
  return (
    usage.input + usage.cache_read + usage.cache_write + usage.cache_write_1h + usage.input_audio
  );
}

function answerOf(usage: Usage): number {
  return usage.output + usage.output_audio;
}

interface Vendor {
  /** What it has no word for is not consumed of it. */
  readonly knows: (usage: Usage) => Usage;
  /** The report of a call that consumed so much, as it documents it. */
  readonly report: (usage: Usage) => unknown;
  readonly read: (reported: unknown) => Usage | undefined;
}

const openAi: Vendor = {
  knows: (usage) => ({ ...usage, cache_write_1h: 0 }),
  report: (usage) => ({
    prompt_tokens: promptOf(usage),
    completion_tokens: answerOf(usage),
    total_tokens: promptOf(usage) + answerOf(usage),
    prompt_tokens_details: {
      cached_tokens: usage.cache_read,
      cache_write_tokens: usage.cache_write,
      audio_tokens: usage.input_audio,
    },
    completion_tokens_details: {
      reasoning_tokens: usage.reasoning,
      audio_tokens: usage.output_audio,
    },
  }),
  read: readUsage,
};

const xAi: Vendor = {
  knows: (usage) => ({ ...usage, ...none }),
  report: (usage) => ({
    prompt_tokens: promptOf(usage),
    completion_tokens: usage.output - usage.reasoning,
    total_tokens: promptOf(usage) + usage.output,
    prompt_tokens_details: { cached_tokens: usage.cache_read },
    completion_tokens_details: { reasoning_tokens: usage.reasoning },
  }),
  read: readUsage,
};

const deepSeek: Vendor = {
  knows: (usage) => ({ ...usage, ...none, reasoning: 0 }),
  report: (usage) => ({
    prompt_tokens: promptOf(usage),
    completion_tokens: usage.output,
    total_tokens: promptOf(usage) + usage.output,
    prompt_cache_hit_tokens: usage.cache_read,
    prompt_cache_miss_tokens: usage.input,
  }),
  read: readUsage,
};

const responses: Vendor = {
  knows: (usage) => ({ ...usage, cache_write_1h: 0, input_audio: 0, output_audio: 0 }),
  report: (usage) => ({
    input_tokens: promptOf(usage),
    input_tokens_details: {
      cached_tokens: usage.cache_read,
      cache_write_tokens: usage.cache_write,
    },
    output_tokens: usage.output,
    output_tokens_details: { reasoning_tokens: usage.reasoning },
    total_tokens: promptOf(usage) + usage.output,
  }),
  read: readResponsesUsage,
};

const anthropic: Vendor = {
  knows: (usage) => ({ ...usage, input_audio: 0, output_audio: 0 }),
  report: (usage) => ({
    input_tokens: usage.input,
    cache_read_input_tokens: usage.cache_read,
    cache_creation_input_tokens: usage.cache_write + usage.cache_write_1h,
    cache_creation: {
      ephemeral_5m_input_tokens: usage.cache_write,
      ephemeral_1h_input_tokens: usage.cache_write_1h,
    },
    output_tokens: usage.output,
    output_tokens_details: { thinking_tokens: usage.reasoning },
  }),
  read: readAnthropicUsage,
};

const gemini: Vendor = {
  knows: (usage) => ({ ...usage, cache_write: 0, cache_write_1h: 0 }),
  report: (usage) => ({
    promptTokenCount: promptOf(usage),
    cachedContentTokenCount: usage.cache_read,
    candidatesTokenCount: answerOf(usage) - usage.reasoning,
    thoughtsTokenCount: usage.reasoning,
    totalTokenCount: promptOf(usage) + answerOf(usage),
    promptTokensDetails: [
      { modality: "TEXT", tokenCount: usage.input + usage.cache_read },
      { modality: "AUDIO", tokenCount: usage.input_audio },
    ],
    cacheTokensDetails: [{ modality: "TEXT", tokenCount: usage.cache_read }],
    candidatesTokensDetails: [{ modality: "AUDIO", tokenCount: usage.output_audio }],
  }),
  read: readGeminiUsage,
};

const bedrock: Vendor = {
  knows: (usage) => ({ ...usage, input_audio: 0, output_audio: 0, reasoning: 0 }),
  report: (usage) => ({
    inputTokens: {
      total: promptOf(usage),
      noCache: usage.input,
      cacheRead: usage.cache_read,
      cacheWrite: usage.cache_write + usage.cache_write_1h,
    },
    outputTokens: { total: usage.output, text: usage.output, reasoning: undefined },
    raw: {
      cacheDetails: [
        { ttl: "1h", inputTokens: usage.cache_write_1h },
        { ttl: "5m", inputTokens: usage.cache_write },
      ],
    },
  }),
  read: (reported) => usageOf(reported as Parameters<typeof usageOf>[0]), // written above as the package does
};

const vendors = { openAi, xAi, deepSeek, responses, anthropic, gemini, bedrock };

describe("what was consumed is read back, each token once", () => {
  test.each(Object.entries(vendors))("%s", (_name, { knows, report, read }) => {
    fc.assert(
      fc.property(consumed, (any) => {
        const usage = knows(any);
        expect(read(report(usage))).toEqual(usage);
      }),
    );
  });
});

describe("who consumes more never pays less", () => {
  const buckets = [
    "input",
    "cache_read",
    "cache_write",
    "cache_write_1h",
    "input_audio",
    "output",
    "output_audio",
  ] as const satisfies readonly (keyof Usage)[];

  test.each(["openai", "azure", "anthropic", "google", "aws", "x-ai", "perplexity", "openrouter"])(
    "at any price of %s",
    (priceProviderId) => {
      const models = findProvider({ providerId: priceProviderId })?.models ?? [];
      const priced = models.flatMap(({ id: model }) => {
        const rates = resolveRates({ provider: "any", priceProviderId, model, own: {} });
        return rates ? [rates] : [];
      });
      fc.assert(
        fc.property(
          fc.constantFrom(...priced),
          consumed,
          fc.constantFrom(...buckets),
          tokens,
          (rates, usage, bucket, more) => {
            const larger = { ...usage, [bucket]: usage[bucket] + more };
            expect(price(rates, larger) >= price(rates, usage)).toBe(true);
          },
        ),
        { numRuns: 1_000 },
      );
    },
  );
});
