import {
  calcPrice,
  type ConditionalPrice,
  type ModelPrice,
  type TieredPrices,
} from "@pydantic/genai-prices";
import type { Picodollars } from "../../shared/money.ts";
import { withGapsFilled } from "./library-gaps.ts";
import { type RateTier, type TokenRates, zeroRates } from "./token-rates.ts";
import { unitRate } from "./unit-rate.ts";
import type { UnitRates } from "./unit-rates.ts";

export interface LibraryRates extends TokenRates {
  perCall: Picodollars;
  tiers: readonly RateTier[];
  units?: UnitRates;
  isTokenless?: true;
  validUntil: Date | undefined;
}

type Price = number | TieredPrices;

/**
 * The rates that the price library knows for a model at a moment, or `undefined` when it knows none: models that are priced by
 * the page, and models that it lists without any price.
 *
 * Costs a look-up in the library's list (19-32 µs): for building a catalog, not for a call. The library's data are what its
 * package carries; it fetches newer ones only for programs that call its `updatePrices`, which nothing here does.
 */
export function libraryRates(
  providerId: string,
  model: string,
  at: Date,
): LibraryRates | undefined {
  const found = withGapsFilled(calcPrice({}, model, { providerId, timestamp: at }));
  if (!found) return undefined;
  const rates = ratesAt(found.model_price, 0);
  const units = unitsOf(found.model_price, providerId);
  if (!rates && !units) return isFreeVariant(model, found.model_price) ? freeVariant : undefined;
  return {
    ...(rates ?? { ...zeroRates, isTokenless: true as const }),
    ...(units && { units }),
    perCall: unitRate(priceAt(found.model_price["requests_kcount"], 0) ?? 0, 1_000n),
    tiers: tiersOf(found.model_price),
    validUntil: Array.isArray(found.model.prices) ? nextChange(found.model.prices, at) : undefined,
  };
}

const freeVariant: LibraryRates = { ...zeroRates, perCall: 0n, tiers: [], validUntil: undefined };

/** A list without prices means "unknown" as often as "free"; only OpenRouter's `:free` suffix tells the two apart. */
function isFreeVariant(model: string, prices: ModelPrice): boolean {
  return model.toLowerCase().endsWith(":free") && Object.keys(prices).length === 0;
}

/**
 * A bucket without a price of its own costs what its tokens cost undivided, as the library has it. An output without a
 * price costs what the input does: embeddings have no output to charge, and for what has, nothing would be wrong for sure.
 */
function ratesAt(prices: ModelPrice, inputTokens: number): TokenRates | undefined {
  const usdPerMillion = (key: string) => priceAt(prices[key], inputTokens);
  const input = usdPerMillion("input_mtok");
  if (input === undefined) return undefined;
  const output = usdPerMillion("output_mtok") ?? input;
  const cacheWrite = usdPerMillion("cache_write_mtok") ?? input;
  return {
    input: perToken(input),
    cacheRead: perToken(usdPerMillion("cache_read_mtok") ?? input),
    cacheWrite: perToken(cacheWrite),
    cacheWrite1h: perToken(usdPerMillion("cache_write_1h_mtok") ?? cacheWrite),
    inputAudio: perToken(usdPerMillion("input_audio_mtok") ?? input),
    output: perToken(output),
    reasoning: perToken(usdPerMillion("output_reasoning_mtok") ?? output),
    outputAudio: perToken(usdPerMillion("output_audio_mtok") ?? output),
  };
}

/**
 * What the library prices beside plain tokens: hours of audio, searches of the web, and tokens that stand for images or for
 * audio in a cache.
 */
function unitsOf(prices: ModelPrice, providerId: string): UnitRates | undefined {
  const perSearch = tellSearches.has(providerId) ? prices["web_searches_kcount"] : undefined;
  const rates = {
    perSecond: rateOf(prices["input_audio_hours"] ?? prices["audio_hours"], 3_600n),
    perInputImageToken: rateOf(prices["input_image_mtok"], 1_000_000n),
    perOutputImageToken: rateOf(prices["output_image_mtok"], 1_000_000n),
    perCachedAudioToken: rateOf(prices["cache_audio_read_mtok"], 1_000_000n),
    perWebSearch: rateOf(perSearch, 1_000n),
  };
  const priced = Object.entries(rates).filter(([, rate]) => rate !== undefined);
  return priced.length === 0 ? undefined : Object.fromEntries(priced);
}

/** By their ids in the library. The others that have a price for a search do not report how many they made. */
const tellSearches: ReadonlySet<string> = new Set(["anthropic", "perplexity"]);

function rateOf(price: Price | undefined, units: bigint): Picodollars | undefined {
  const usd = priceAt(price, 0);
  return usd === undefined ? undefined : unitRate(usd, units);
}

function perToken(usdPerMillion: number): Picodollars {
  return unitRate(usdPerMillion, 1_000_000n);
}

function priceAt(price: Price | undefined, inputTokens: number): number | undefined {
  if (price === undefined || typeof price === "number") return price;
  const reached = price.tiers
    .filter(({ start }) => inputTokens > start)
    .toSorted((a, b) => a.start - b.start);
  return reached.at(-1)?.price ?? price.base;
}

/** Each price of the library has tiers of its own; ours are the moments at which any of them steps. */
function tiersOf(prices: ModelPrice): RateTier[] {
  const starts = Object.values(prices).flatMap((price) =>
    typeof price === "object" ? price.tiers.map(({ start }) => start) : [],
  );
  return [...new Set(starts)]
    .toSorted((a, b) => a - b)
    .flatMap((aboveInputTokens) => {
      const rates = ratesAt(prices, aboveInputTokens + 1);
      return rates ? [{ aboveInputTokens, ...rates }] : [];
    });
}

/** The first moment after `at` at which another of the prices may apply: a start date, or an edge of a daily window. */
function nextChange(prices: readonly ConditionalPrice[], at: Date): Date | undefined {
  const later = prices.flatMap((price) => edgesOf(price, at)).filter((edge) => edge > at.getTime());
  return later.length > 0 ? new Date(Math.min(...later)) : undefined;
}

function edgesOf({ constraint }: ConditionalPrice, at: Date): number[] {
  if (!constraint) return [];
  if (constraint.type === "start_date") return [Date.parse(constraint.start_date)];
  // From yesterday to the day after tomorrow, because the times may carry an offset from UTC.
  return [-1, 0, 1, 2].flatMap((days) => {
    const day = new Date(at.getTime() + days * 86_400_000).toISOString().slice(0, 10);
    return [
      Date.parse(`${day}T${constraint.start_time}`),
      Date.parse(`${day}T${constraint.end_time}`),
    ];
  });
}
