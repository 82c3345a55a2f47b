import { calcPrice, findProvider, type ModelPrice } from "@pydantic/genai-prices";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { usdFromPicodollars } from "../../shared/money.ts";
import type { TokenUsage } from "../../shared/spend.ts";
import { freeRates, type OwnPrices, price, type PriceQuestion, resolveRates } from "./prices.ts";

const nothing: TokenUsage = {
  input: 0,
  cache_read: 0,
  cache_write: 0,
  cache_write_1h: 0,
  input_audio: 0,
  output: 0,
  reasoning: 0,
  output_audio: 0,
};
const at = new Date("2026-11-23T12:00:00Z");

function used(buckets: Partial<TokenUsage>): TokenUsage {
  return { ...nothing, ...buckets };
}

function ask(question: Partial<PriceQuestion> & { own?: OwnPrices }) {
  return resolveRates({
    provider: "openai",
    priceProviderId: "openai",
    model: "gpt-4o",
    own: {},
    at,
    ...question,
  });
}

function rates(question: Partial<PriceQuestion>) {
  const found = ask(question);
  if (!found) throw new Error(`No rates for ${JSON.stringify(question)}`);
  return found;
}

function libraryUsage(usage: TokenUsage) {
  return {
    input_tokens: usage.input + usage.cache_read + usage.cache_write + usage.input_audio,
    cache_read_tokens: usage.cache_read,
    cache_write_tokens: usage.cache_write,
    input_audio_tokens: usage.input_audio,
    cache_audio_read_tokens: 0,
    output_tokens: usage.output + usage.output_audio,
    output_reasoning_tokens: usage.reasoning,
    output_audio_tokens: usage.output_audio,
  };
}

function isEmpty(prices: ModelPrice): boolean {
  return Object.keys(prices).length === 0;
}

function expectAgreement(
  providerId: string,
  model: string,
  { usd, usage }: { usd: number; usage: TokenUsage },
): void {
  const expected =
    calcPrice(libraryUsage(usage), model, { providerId, timestamp: at })?.total_price ?? Number.NaN;
  const tokens = Object.values(usage).reduce((sum, count) => sum + count, 0);
  // A double's error in the library, and half a picodollar a token where a published price has no exact rate.
  const tolerance = expected * 1e-12 + tokens * 0.5e-12;
  expect(Math.abs(usd - expected), `${model} for ${JSON.stringify(usage)}`).toBeLessThanOrEqual(
    tolerance,
  );
}

function deepseekProAt(time: string) {
  return rates({
    provider: "deepseek",
    priceProviderId: "deepseek",
    model: "deepseek-v4-pro",
    at: new Date(time),
  });
}

describe("against the price library", () => {
  const providerIds = [
    "openai",
    "azure",
    "anthropic",
    "google",
    "groq",
    "mistral",
    "deepseek",
    "x-ai",
    "perplexity",
    "together",
  ];
  const usages: TokenUsage[] = [
    used({ input: 1 }),
    used({ input: 1_000, output: 500 }),
    used({ input: 700, cache_read: 300, output: 80, reasoning: 30 }),
    used({ input: 10, cache_read: 20, cache_write: 970, output: 1 }),
    used({ input: 100, input_audio: 400, output: 30, output_audio: 70 }),
    used({ input: 128_000, output: 7 }),
    used({ input: 128_001, output: 7 }),
    used({ input: 100_000, cache_read: 100_000, output: 4_000 }),
    used({ input: 100_000, cache_read: 100_000, cache_write: 1, output: 4_000 }),
    used({ input: 271_999, output: 10 }),
    used({ input: 272_000, output: 10 }),
    used({ input: 272_001, output: 10 }),
    used({ input: 1_000_000, cache_read: 1_000_000, output: 64_000, reasoning: 60_000 }),
  ];

  /** The library has no price for their audio, and OpenAI has. */
  const unlistedAudio = ["gpt-4o-audio-preview", "gpt-4o-mini-audio-preview"];

  test.each([...providerIds, "openrouter", "aws", "fireworks"])(
    "every model of %s costs what the library says",
    (id) => {
      const models = findProvider({ providerId: id })?.models ?? [];
      expect(models.length).toBeGreaterThan(3);
      for (const { id: model } of models) compareModel(id, model);
    },
  );

  function compareModel(priceProviderId: string, model: string): void {
    const modelPrice = calcPrice({}, model, {
      providerId: priceProviderId,
      timestamp: at,
    })?.model_price;
    const found = ask({ provider: "any", priceProviderId, model });
    const priced =
      modelPrice !== undefined &&
      ("input_mtok" in modelPrice || (isEmpty(modelPrice) && model.endsWith(":free")));
    expect(found !== undefined && !found.isTokenless, `whether ${model} has rates`).toBe(priced);
    if (!found || !modelPrice) return;
    for (const usage of usages) {
      if (usage.input_audio > 0 && unlistedAudio.includes(model)) continue;
      const whole =
        "output_mtok" in modelPrice
          ? usage
          : { ...usage, output: 0, reasoning: 0, output_audio: 0 };
      expectAgreement(priceProviderId, model, {
        usd: usdFromPicodollars(price(found, whole)),
        usage: whole,
      });
    }
  }

  test("a price that depends on the time holds until the moment named, and no longer than it is known to", () => {
    const day = Date.parse("2026-08-16T00:00:00Z");
    const moments = fc
      .integer({ min: 0, max: 3 * 86_400 })
      .map((second) => new Date(day + second * 1000));
    const models = fc.constantFrom(
      "deepseek-chat",
      "deepseek-reasoner",
      "deepseek-v4-flash",
      "deepseek-v4-pro",
    );
    fc.assert(
      fc.property(
        models,
        moments,
        fc.double({ min: 0, max: 0.999, noNaN: true }),
        (model, then, fraction) => {
          const question = { provider: "deepseek", priceProviderId: "deepseek", model };
          const found = rates({ ...question, at: then });
          const until = found.validUntil?.getTime() ?? Number.NaN;
          expect(until).toBeGreaterThan(then.getTime());
          const during = new Date(then.getTime() + Math.floor((until - then.getTime()) * fraction));
          expect({ ...rates({ ...question, at: during }), validUntil: undefined }).toEqual({
            ...found,
            validUntil: undefined,
          });
        },
      ),
    );
  });

  test("DeepSeek's peak hours and start date are told apart", () => {
    const offPeak = deepseekProAt("2026-11-23T05:00:00Z");
    expect(deepseekProAt("2026-11-23T02:00:00Z").input).toBe(offPeak.input * 2n);
    expect(offPeak.validUntil).toEqual(new Date("2026-11-23T06:00:00Z"));
    expect(deepseekProAt("2026-08-16T23:00:00Z").input).not.toBe(offPeak.input);
  });

  test("a price that was ever the same has no end", () => {
    expect(rates({ model: "gpt-4o" }).validUntil).toBeUndefined();
  });
});

describe("tiers", () => {
  const gemini = rates({ provider: "gemini", priceProviderId: "google", model: "gemini-2.5-pro" });

  test("a prompt over the threshold is priced at the higher tier as a whole, output included", () => {
    expect(price(gemini, used({ input: 200_000, output: 1 }))).toBe(
      200_000n * 1_250_000n + 10_000_000n,
    );
    expect(price(gemini, used({ input: 200_001, output: 1 }))).toBe(
      200_001n * 2_500_000n + 15_000_000n,
    );
  });

  test("cached tokens count towards the threshold", () => {
    expect(price(gemini, used({ input: 1, cache_read: 200_000 }))).toBe(
      2_500_000n + 200_000n * 250_000n,
    );
  });
});

describe("what is unknown", () => {
  test.each([
    ["a provider the library does not know", { priceProviderId: undefined }],
    ["a provider id that is none", { priceProviderId: "no-such-provider" }],
    ["a model that is none", { model: "no-such-model" }],
    [
      "an Azure deployment without a base model",
      { provider: "azure", priceProviderId: "azure", model: "gpt-4o" },
    ],
    [
      "a model priced by the page",
      { provider: "mistral", priceProviderId: "mistral", model: "mistral-ocr-latest" },
    ],
    [
      "a model listed without prices",
      { provider: "cerebras", priceProviderId: "cerebras", model: "qwen-3-coder-480b" },
    ],
  ])("%s has no rates, rather than free ones", (_, question) => {
    expect(ask(question)).toBeUndefined();
  });
});

describe("names", () => {
  test("an Azure deployment is priced by its base model", () => {
    const azure = { provider: "azure", priceProviderId: "azure", model: "our-deployment" };
    expect(rates({ ...azure, baseModel: "gpt-4o" }).input).toBe(2_500_000n);
    expect(rates({ ...azure, baseModel: "azure/gpt-4o" }).input).toBe(2_500_000n);
  });

  test("OpenRouter's own prefix is no part of the model's name", () => {
    const model = "anthropic/claude-sonnet-4.5";
    const question = { provider: "openrouter", priceProviderId: "openrouter" };
    expect(rates({ ...question, model: `openrouter/${model}` })).toEqual(
      rates({ ...question, model }),
    );
  });

  test("a free variant on OpenRouter is known to cost nothing", () => {
    const found = rates({
      provider: "openrouter",
      priceProviderId: "openrouter",
      model: "deepseek/deepseek-r1:free",
    });
    expect(price(found, used({ input: 1_000, output: 1_000 }))).toBe(0n);
  });

  test.each(["ollama", "hosted_vllm"])("%s is free, and says so", (provider) => {
    expect(ask({ provider, priceProviderId: undefined, model: "llama3" })).toBe(freeRates);
  });
});

describe("own prices", () => {
  test("they win as a whole, and are exact", () => {
    const found = rates({ own: { input_cost_per_token: 1e-7, output_cost_per_token: 4e-7 } });
    expect(found).toMatchObject({ source: "config", tiers: [], perCall: 0n });
    expect(
      price(
        found,
        used({ input: 10, cache_read: 20, cache_write: 30, cache_write_1h: 0, input_audio: 40 }),
      ),
    ).toBe(100n * 100_000n);
    expect(price(found, used({ output: 10, reasoning: 4, output_audio: 5 }))).toBe(15n * 400_000n);
  });

  test("each bucket can have its own", () => {
    const found = rates({
      own: {
        input_cost_per_token: 1e-6,
        output_cost_per_token: 2e-6,
        cache_read_input_token_cost: 1e-7,
        cache_creation_input_token_cost: 1.25e-6,
        cache_creation_input_token_cost_above_1hr: 2e-6,
        input_cost_per_audio_token: 5e-6,
        output_cost_per_audio_token: 7e-6,
        input_cost_per_request: 0.01,
      },
    });
    const one: TokenUsage = {
      input: 1,
      cache_read: 1,
      cache_write: 1,
      cache_write_1h: 1,
      input_audio: 1,
      output: 1,
      reasoning: 1,
      output_audio: 1,
    };
    expect(price(found, one)).toBe(
      10_000_000_000n +
        1_000_000n +
        100_000n +
        1_250_000n +
        2_000_000n +
        5_000_000n +
        2_000_000n +
        7_000_000n,
    );
  });

  test("an explicit zero is zero", () => {
    const found = rates({ own: { input_cost_per_token: 0, output_cost_per_token: 0 } });
    expect(price(found, used({ input: 1_000, output: 1_000 }))).toBe(0n);
    expect(found.source).toBe("config");
  });

  test("of input and output alone, the one given prices both", () => {
    expect(rates({ own: { input_cost_per_token: 1e-6 } }).output).toBe(1_000_000n);
    expect(rates({ own: { output_cost_per_token: 1e-6 } }).input).toBe(1_000_000n);
  });

  test("a price per call alone makes tokens cost nothing", () => {
    expect(
      price(rates({ own: { input_cost_per_request: 0.002 } }), used({ input: 9, output: 9 })),
    ).toBe(2_000_000_000n);
  });

  test("a price for caching alone replaces that rate only, in the tiers too", () => {
    const question = { provider: "gemini", priceProviderId: "google", model: "gemini-2.5-pro" };
    const found = rates({ ...question, own: { cache_read_input_token_cost: 0 } });
    const published = rates(question);
    expect(found).toMatchObject({ input: published.input, cacheRead: 0n, source: "config" });
    expect(found.tiers.map(({ cacheRead }) => cacheRead)).toEqual([0n]);
    expect(
      ask({ model: "no-such-model", own: { cache_read_input_token_cost: 0 } }),
    ).toBeUndefined();
  });

  test("they are needed neither for Azure's base model nor for a known provider", () => {
    const own = { input_cost_per_token: 1e-6 };
    expect(rates({ provider: "azure", priceProviderId: undefined, model: "ours", own }).input).toBe(
      1_000_000n,
    );
    expect(
      rates({ provider: "ollama", priceProviderId: undefined, model: "llama3", own }).source,
    ).toBe("config");
  });

  test("a negative one is refused", () => {
    expect(() => ask({ own: { input_cost_per_token: -1e-6 } })).toThrow(RangeError);
  });
});

test.each([
  ["aws", "us.anthropic.claude-haiku-4-5-20251001-v1:0"],
  ["google", "claude-opus-4-5@20251101"],
  ["openrouter", "anthropic/claude-opus-4.5"],
])("what a Claude of %s keeps for an hour costs twice the input", (priceProviderId, model) => {
  const claude = rates({ provider: "any", priceProviderId, model });
  expect(claude.cacheWrite1h).toBe(claude.input * 2n);
  expect(claude.cacheWrite1h).toBeGreaterThan(claude.cacheWrite);
});

test("a flat price per call is added once", () => {
  const sonar = rates({ provider: "perplexity", priceProviderId: "perplexity", model: "sonar" });
  expect(price(sonar, nothing)).toBe(12_000_000_000n);
});

test("thinking is priced apart only where the library does so", () => {
  const research = rates({
    provider: "perplexity",
    priceProviderId: "perplexity",
    model: "sonar-deep-research",
  });
  expect(price(research, used({ output: 10, reasoning: 4 }))).toBe(
    6n * 8_000_000n + 4n * 3_000_000n,
  );
  expect(price(rates({}), used({ output: 10, reasoning: 4 }))).toBe(10n * 10_000_000n);
});

test("prices add up: two calls below a tier cost what their sum does", () => {
  const buckets = fc.record({
    input: fc.nat(20_000),
    cache_read: fc.nat(20_000),
    cache_write: fc.nat(20_000),
    cache_write_1h: fc.nat(20_000),
    input_audio: fc.nat(20_000),
    output: fc.integer({ min: 20_000, max: 40_000 }),
    reasoning: fc.nat(20_000),
    output_audio: fc.nat(20_000),
  });
  const found = rates({ provider: "gemini", priceProviderId: "google", model: "gemini-2.5-pro" });
  fc.assert(
    fc.property(buckets, buckets, (one, two) => {
      const keys = Object.keys(one) as (keyof TokenUsage)[]; // Object.keys loses the names that fc.record gave
      const sum = { ...one };
      for (const key of keys) sum[key] += two[key];
      expect(price(found, sum)).toBe(price(found, one) + price(found, two));
    }),
  );
});
