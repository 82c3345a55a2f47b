import type { Picodollars } from "../../shared/money.ts";
import type { Units, Usage } from "../../shared/spend.ts";
import { isFree, price, type Rates } from "./prices.ts";

/**
 * What a call costs: its tokens, its units and the call itself. Undefined where nothing of what it consumed has a price, which
 * is never the same as zero.
 */
export function priceOf(rates: Rates, usage: Usage): Picodollars | undefined {
  if (usage.units === undefined && !rates.isTokenless) return price(rates, usage);
  const parts = unitParts(rates, usage.units ?? {});
  const isPriced =
    parts.length > 0 ||
    rates.perCall > 0n ||
    isFree(rates) ||
    (hasTokens(usage) && !rates.isTokenless);
  return isPriced ? parts.reduce((sum, part) => sum + part, price(rates, usage)) : undefined;
}

/**
 * What each unit costs that was consumed and has a price. Tokens of images are among those of input and output, those of
 * cached audio among those of the cache: they cost what they cost more, or less, than those.
 */
function unitParts(rates: Rates, units: Units): Picodollars[] {
  const { perImage, perCharacter, perSecond, perSearch } = rates.units ?? {};
  const { perInputImageToken, perOutputImageToken, perCachedAudioToken, perWebSearch } =
    rates.units ?? {};
  return [
    partOf(perImage, units.images),
    partOf(perCharacter, units.characters),
    perThousand(partOf(perSecond, units.audio_ms)),
    partOf(perSearch, units.searches),
    partOf(beyond(perInputImageToken, rates.input), units.input_image_tokens),
    partOf(beyond(perOutputImageToken, rates.output), units.output_image_tokens),
    partOf(beyond(perCachedAudioToken, rates.cacheRead), units.cached_audio_tokens),
    partOf(perWebSearch, units.web_searches),
  ].filter((part) => part !== undefined);
}

function beyond(rate: Picodollars | undefined, included: Picodollars): Picodollars | undefined {
  return rate === undefined ? undefined : rate - included;
}

function partOf(
  rate: Picodollars | undefined,
  quantity: number | undefined,
): Picodollars | undefined {
  return rate === undefined || quantity === undefined ? undefined : rate * BigInt(quantity);
}

/** Half up, as unit prices are rounded. */
function perThousand(amount: Picodollars | undefined): Picodollars | undefined {
  return amount === undefined ? undefined : (amount + 500n) / 1_000n;
}

function hasTokens(usage: Usage): boolean {
  return (
    usage.input > 0 ||
    usage.output > 0 ||
    usage.input_audio > 0 ||
    usage.output_audio > 0 ||
    usage.cache_read > 0 ||
    usage.cache_write > 0 ||
    usage.cache_write_1h > 0
  );
}
