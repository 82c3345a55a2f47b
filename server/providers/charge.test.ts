import * as fc from "fast-check";
import { expect, test } from "vitest";
import type { Units, Usage } from "../../shared/spend.ts";
import { priceOf } from "./charge.ts";
import { nothingUsed } from "./media-usage.ts";
import { isFree, price, type OwnPrices, resolveRates } from "./prices.ts";

function ratesOf(own: OwnPrices) {
  const found = resolveRates({
    provider: "custom_openai",
    priceProviderId: undefined,
    model: "any",
    own,
  });
  if (!found) throw new Error("no rates");
  return found;
}

function published(model: string, provider = "openai") {
  const found = resolveRates({ provider, priceProviderId: provider, model, own: {} });
  if (!found) throw new Error(`no rates of ${model}`);
  return found;
}

function used(units: Units, tokens: Partial<Usage> = {}): Usage {
  return { ...nothingUsed, ...tokens, units };
}

test.each<[string, OwnPrices, Units, bigint]>([
  ["images", { output_cost_per_image: 0.04 }, { images: 3 }, 120_000_000_000n],
  ["images", { input_cost_per_image: 0.04 }, { images: 1 }, 40_000_000_000n],
  [
    "images, by what an output costs",
    { input_cost_per_image: 9, output_cost_per_image: 0.08 },
    { images: 1 },
    80_000_000_000n,
  ],
  ["characters", { input_cost_per_character: 0.000015 }, { characters: 7 }, 105_000_000n],
  ["seconds", { input_cost_per_second: 0.0001 }, { audio_ms: 8_470 }, 847_000_000n],
  [
    "seconds, by the dearest price that is given",
    { input_cost_per_second: 0.0001, output_cost_per_second: 0 },
    { audio_ms: 1_000 },
    100_000_000n,
  ],
  ["seconds", { input_cost_per_audio_per_second: 0.0001 }, { audio_ms: 1 }, 100_000n],
  ["searches", { input_cost_per_query: 0.002 }, { searches: 2 }, 4_000_000_000n],
  ["nothing, where nothing was made", { output_cost_per_image: 0.04 }, { images: 0 }, 0n],
  ["nothing, where the price is zero", { input_cost_per_query: 0 }, { searches: 2 }, 0n],
])("a call costs %s at their price", (_what, own, units, cost) => {
  expect(priceOf(ratesOf(own), used(units))).toBe(cost);
});

test("parts of a picodollar are rounded half up", () => {
  const rates = ratesOf({ input_cost_per_second: 0.000000000001 });

  expect(priceOf(rates, used({ audio_ms: 499 }))).toBe(0n);
  expect(priceOf(rates, used({ audio_ms: 500 }))).toBe(1n);
  expect(priceOf(rates, used({ audio_ms: 1_499 }))).toBe(1n);
});

test("tokens, units and the call itself add up", () => {
  const rates = ratesOf({
    input_cost_per_token: 0.000001,
    output_cost_per_token: 0.000002,
    input_cost_per_request: 0.001,
    output_cost_per_image: 0.04,
  });

  expect(priceOf(rates, used({ images: 2 }, { input: 10, output: 5 }))).toBe(
    10_000_000n + 10_000_000n + 1_000_000_000n + 80_000_000_000n,
  );
});

test("a call of which nothing has a price costs nobody knows what", () => {
  expect(priceOf(ratesOf({ input_cost_per_query: 1 }), used({ images: 1 }))).toBeUndefined();
  expect(priceOf(ratesOf({ input_cost_per_token: 1 }), used({ images: 1 }))).toBeUndefined();
  expect(
    priceOf(ratesOf({ input_cost_per_query: 1 }), { ...nothingUsed, input: 9 }),
  ).toBeUndefined();
});

test("prices of zero are a price: such a call is free", () => {
  const rates = ratesOf({ input_cost_per_token: 0 });

  expect(isFree(rates)).toBe(true);
  expect(priceOf(rates, used({ images: 1 }))).toBe(0n);
  expect(isFree(ratesOf({ input_cost_per_token: 0, output_cost_per_image: 1 }))).toBe(false);
  expect(isFree(ratesOf({ output_cost_per_image: 0 }))).toBe(false);
});

test("tokens that stand for images cost what those cost", () => {
  const rates = ratesOf({
    input_cost_per_token: 0.000005,
    output_cost_per_token: 0.00001,
    input_cost_per_image_token: 0.000008,
    output_cost_per_image_token: 0.000032,
  });
  const usage = used(
    { images: 1, input_image_tokens: 4, output_image_tokens: 90 },
    { input: 10, output: 100 },
  );

  expect(priceOf(rates, usage)).toBe(
    6n * 5_000_000n + 4n * 8_000_000n + 10n * 10_000_000n + 90n * 32_000_000n,
  );
});

test("the price library knows seconds of audio and tokens of images", () => {
  expect(priceOf(published("whisper-1"), used({ audio_ms: 60_000 }))).toBe(6_000_000_000n);
  expect(published("whisper-1").isTokenless).toBe(true);
  expect(published("gpt-image-1.5").units).toEqual({
    perInputImageToken: 8_000_000n,
    perOutputImageToken: 32_000_000n,
  });
});

test("whatever is consumed, what has no units costs what its tokens do", () => {
  const rates = ratesOf({ input_cost_per_token: 0.000003, output_cost_per_image: 0.04 });
  fc.assert(
    fc.property(fc.nat(1_000_000), fc.nat(1_000_000), (input, output) => {
      const usage = { ...nothingUsed, input, output };
      expect(priceOf(rates, usage)).toBe(price(rates, usage));
    }),
  );
});

test("units add up, whoever counts them", () => {
  const rates = ratesOf({ output_cost_per_image: 0.04, input_cost_per_character: 0.000015 });
  const units = fc.record({ images: fc.nat(100), characters: fc.nat(100_000) });
  fc.assert(
    fc.property(units, units, (one, two) => {
      const sum = {
        images: one.images + two.images,
        characters: one.characters + two.characters,
      };
      expect(priceOf(rates, used(sum))).toBe(
        (priceOf(rates, used(one)) ?? 0n) + (priceOf(rates, used(two)) ?? 0n),
      );
    }),
  );
});
