import type { Picodollars } from "../../shared/money.ts";
import { unitRate } from "./unit-rate.ts";

/** What one unit of what is not counted in tokens costs. What has no price here is not charged for, or not known. */
export interface UnitRates {
  perImage?: Picodollars | undefined;
  perCharacter?: Picodollars | undefined;
  /** Of audio that is heard; parts of a second are charged in milliseconds. */
  perSecond?: Picodollars | undefined;
  perSearch?: Picodollars | undefined;
  /** For tokens that stand for images, in the place of what a token of input or output costs. */
  perInputImageToken?: Picodollars | undefined;
  perOutputImageToken?: Picodollars | undefined;
  /** For tokens of audio that were read from a cache, in the place of what those of text cost. */
  perCachedAudioToken?: Picodollars | undefined;
  perWebSearch?: Picodollars | undefined;
}

/** Prices of units from the config file, under LiteLLM's names, in USD. */
export interface OwnUnitPrices {
  input_cost_per_image?: number | undefined;
  /** Goes before the one above. */
  output_cost_per_image?: number | undefined;
  input_cost_per_character?: number | undefined;
  /** LiteLLM's price list has a transcription's price under any of these three, and zeros under others: the highest counts. */
  input_cost_per_second?: number | undefined;
  output_cost_per_second?: number | undefined;
  input_cost_per_audio_per_second?: number | undefined;
  input_cost_per_query?: number | undefined;
  input_cost_per_image_token?: number | undefined;
  output_cost_per_image_token?: number | undefined;
}

/**
 * Undefined where no unit has a price.
 *
 * @throws RangeError when an own price is negative or no finite number.
 */
export function ownUnitRates(own: OwnUnitPrices): UnitRates | undefined {
  return unitRatesOf({
    perImage: own.output_cost_per_image ?? own.input_cost_per_image,
    perCharacter: own.input_cost_per_character,
    perSecond: highest([
      own.input_cost_per_second,
      own.output_cost_per_second,
      own.input_cost_per_audio_per_second,
    ]),
    perSearch: own.input_cost_per_query,
    perInputImageToken: own.input_cost_per_image_token,
    perOutputImageToken: own.output_cost_per_image_token,
  });
}

/** From USD for one unit. */
function unitRatesOf(
  usd: Readonly<Partial<Record<keyof UnitRates, number | undefined>>>,
): UnitRates | undefined {
  const priced = Object.entries(usd).flatMap(([name, each]) =>
    each === undefined ? [] : [[name, unitRate(each)] as const],
  );
  return priced.length === 0 ? undefined : Object.fromEntries(priced);
}

export function isFreeOfUnits(units: UnitRates): boolean {
  return Object.values(units).every((rate) => rate === 0n || rate === undefined);
}

function highest(prices: readonly (number | undefined)[]): number | undefined {
  const given = prices.filter((each) => each !== undefined);
  return given.length === 0 ? undefined : Math.max(...given);
}
