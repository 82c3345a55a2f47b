import { type Picodollars, picodollarsFromUsd } from "../../shared/money.ts";

// Enough digits that a double as small as 1e-32 is still read exactly before it is divided.
const guardDigits = 24;
const guardScale = 10n ** BigInt(guardDigits);

/**
 * The price of one unit, in whole picodollars, when `units` of them cost `usd`.
 *
 * What is finer than a picodollar is rounded half up, here and nowhere later: a published price such as
 * 0.08333333333333334 USD per million tokens has no exact rate. The error is at most half a picodollar a token, 5e-7 USD
 * for a million of them.
 * @throws RangeError when `usd` is negative or no finite decimal.
 */
export function unitRate(usd: number, units = 1n): Picodollars {
  if (!(usd >= 0)) throw new RangeError(`Cannot use "${usd}" as a price: it must be zero or more`);
  const [mantissa, exponent = "0"] = String(usd).split("e");
  const guarded = picodollarsFromUsd(`${mantissa}e${Number(exponent) + guardDigits}`);
  const divisor = guardScale * units;
  return (guarded * 2n + divisor) / (divisor * 2n);
}
