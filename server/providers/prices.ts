import type { Picodollars } from "../../shared/money.ts";
import type { Usage } from "../../shared/spend.ts";
import { libraryRates } from "./library-prices.ts";
import { pricedName } from "./priced-name.ts";
import { type Provider, providers } from "./registry.ts";
import { type RateTier, type TokenRates, zeroRates } from "./token-rates.ts";
import { unitRate } from "./unit-rate.ts";
import { isFreeOfUnits, type OwnUnitPrices, ownUnitRates, type UnitRates } from "./unit-rates.ts";

/** What a deployment's calls cost: integer rates, resolved when the catalog is built. */
export interface Rates extends TokenRates {
  /** A flat price for every call, on top of its tokens; 0n when there is none. */
  perCall: Picodollars;
  /** For long prompts, ascending. The last tier that the prompt is longer than prices the whole call, not its excess. */
  tiers: readonly RateTier[];
  /** What is charged for beside tokens, or in their place; undefined where nothing is. */
  units?: UnitRates | undefined;
  /** Only what `units` has is priced: what a token costs nobody knows, and the rates above are zero for want of it. */
  isTokenless?: true | undefined;
  source: "config" | "genai-prices" | "free";
  /** When a price that depends on the date or the time of day may change; to be resolved again from then on. */
  validUntil?: Date | undefined;
}

/** Prices from the config file, under LiteLLM's names: USD per token, per unit, and per call in `input_cost_per_request`. */
export interface OwnPrices extends OwnUnitPrices {
  input_cost_per_token?: number | undefined;
  output_cost_per_token?: number | undefined;
  cache_read_input_token_cost?: number | undefined;
  cache_creation_input_token_cost?: number | undefined;
  cache_creation_input_token_cost_above_1hr?: number | undefined;
  input_cost_per_audio_token?: number | undefined;
  output_cost_per_audio_token?: number | undefined;
  input_cost_per_request?: number | undefined;
}

export interface PriceQuestion {
  /** Our name of the provider, such as `openai`, `azure` or `together_ai`. */
  provider: string;
  /** The price library's id of it; without one the library is not asked, since it would guess by the model's name. */
  priceProviderId: string | undefined;
  model: string;
  /** What a deployment really runs; for Azure, whose deployments are named freely, nothing is known without it. */
  baseModel?: string | undefined;
  own: OwnPrices;
  /** The moment to price for; now by default. */
  at?: Date | undefined;
}

/** For what costs nothing by design: local models and mock replies. */
export const freeRates: Rates = { ...zeroRates, perCall: 0n, tiers: [], source: "free" };

/**
 * Finds what a deployment costs: by its own prices if they say what a token, a unit or a call costs, nothing where the provider is the
 * operator's own hardware, else by the price library. Own prices for caching or audio alone replace only those rates of what was found elsewhere.
 *
 * `undefined` means that nobody knows, which is never the same as zero.
 * @throws RangeError when an own price is negative or no finite number.
 */
export function resolveRates(question: PriceQuestion): Rates | undefined {
  const own = ownRates(question.own);
  if (own) return own;
  const found = runsForFree(question.provider) ? freeRates : publishedRates(question);
  const overrides = ownBuckets(question.own);
  if (!found || Object.keys(overrides).length === 0) return found;
  const tiers = found.tiers.map((tier) => ({ ...tier, ...overrides }));
  return { ...found, ...overrides, tiers, source: "config" };
}

/** Whether no call can cost anything. */
export function isFree({ perCall, tiers, units, isTokenless, ...rates }: Rates): boolean {
  if (isTokenless || (units && !isFreeOfUnits(units))) return false;
  return perCall === 0n && [rates, ...tiers].every(isFreeTier);
}

function isFreeTier(tier: Partial<TokenRates>): boolean {
  return (Object.keys(zeroRates) as (keyof TokenRates)[]).every((bucket) => tier[bucket] === 0n);
}

function runsForFree(provider: string): boolean {
  const known: Readonly<Record<string, Provider>> = providers;
  return known[provider]?.free === true;
}

/** What the tokens of a call cost, and the call itself, exactly. */
export function price(rates: Rates, usage: Usage): Picodollars {
  const at = ratesFor(
    rates,
    usage.input + usage.cache_read + usage.cache_write + usage.cache_write_1h + usage.input_audio,
  );
  const reasoning = at.reasoning === at.output ? 0 : Math.min(usage.reasoning, usage.output);
  let sum = rates.perCall;
  sum = plus(sum, usage.input, at.input);
  sum = plus(sum, usage.cache_read, at.cacheRead);
  sum = plus(sum, usage.cache_write, at.cacheWrite);
  sum = plus(sum, usage.cache_write_1h, at.cacheWrite1h);
  sum = plus(sum, usage.input_audio, at.inputAudio);
  sum = plus(sum, usage.output - reasoning, at.output);
  sum = plus(sum, reasoning, at.reasoning);
  return plus(sum, usage.output_audio, at.outputAudio);
}

/** Most buckets of most calls are empty, and each operation on bigints makes a new one. */
function plus(sum: Picodollars, tokens: number, rate: Picodollars): Picodollars {
  return tokens === 0 ? sum : sum + BigInt(tokens) * rate;
}

function ratesFor(rates: Rates, inputTokens: number): TokenRates {
  return rates.tiers.findLast((tier) => inputTokens > tier.aboveInputTokens) ?? rates;
}

/** Where only units have prices, what tokens cost is not known. */
function ownRates(own: OwnPrices): Rates | undefined {
  const rates = ownTokenRates(own);
  const units = ownUnitRates(own);
  if (!units) return rates;
  if (rates) return { ...rates, units };
  return { ...zeroRates, perCall: 0n, tiers: [], units, isTokenless: true, source: "config" };
}

/**
 * If only one of input and output has a price, the other costs the same: an embedding has no output, so it is charged
 * rightly, and a chat is not given half of itself for nothing. A price per call alone means that tokens cost nothing.
 */
function ownTokenRates(own: OwnPrices): Rates | undefined {
  const {
    input_cost_per_token: input,
    output_cost_per_token: output,
    input_cost_per_request: perCall,
  } = own;
  if (input === undefined && output === undefined && perCall === undefined) return undefined;
  const inputRate = unitRate(input ?? output ?? 0);
  const outputRate = unitRate(output ?? input ?? 0);
  return {
    input: inputRate,
    cacheRead: inputRate,
    cacheWrite: inputRate,
    cacheWrite1h: inputRate,
    inputAudio: inputRate,
    output: outputRate,
    reasoning: outputRate,
    outputAudio: outputRate,
    ...ownBuckets(own),
    perCall: unitRate(perCall ?? 0),
    tiers: [],
    source: "config",
  };
}

function ownBuckets(own: OwnPrices): Partial<TokenRates> {
  const usdPerToken = {
    cacheRead: own.cache_read_input_token_cost,
    cacheWrite: own.cache_creation_input_token_cost,
    cacheWrite1h:
      own.cache_creation_input_token_cost_above_1hr ?? own.cache_creation_input_token_cost,
    inputAudio: own.input_cost_per_audio_token,
    outputAudio: own.output_cost_per_audio_token,
  };
  return Object.fromEntries(
    Object.entries(usdPerToken).flatMap(([bucket, usd]) =>
      usd === undefined ? [] : [[bucket, unitRate(usd)]],
    ),
  );
}

function publishedRates(question: PriceQuestion): Rates | undefined {
  const { provider, priceProviderId, baseModel, at = new Date() } = question;
  if (priceProviderId === undefined) return undefined;
  if (provider === "azure" && baseModel === undefined) return undefined;
  const published = libraryRates(priceProviderId, pricedName(question), at);
  return published && { ...published, source: "genai-prices" };
}
