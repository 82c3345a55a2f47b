import type { Usage } from "../../shared/spend.ts";
import { priceOf } from "../providers/charge.ts";
import { nothingUsed } from "../providers/media-usage.ts";
import type { Rates } from "../providers/prices.ts";
import type { Asked, Meter, Told } from "./meters/meter.ts";

/**
 * What a call consumed, as far as that is known: undefined where the upstream said too little to charge for, so that it is
 * charged what is expected of such a call.
 */
export function measuredUsage(
  asked: Asked,
  meter: Meter,
  { told, rates }: { told: Told; rates: Rates | undefined },
): Usage | undefined {
  const usage = meter.measure(asked, told);
  const isEnough = !usage || !rates || !meter.hidesTokens || priceOf(rates, usage) !== undefined;
  return isEnough ? usage : undefined;
}

/** What such a call consumes as a rule: units, where these have a price, since tokens may not even exist then. */
export function expectedUsage(asked: Asked, meter: Meter, rates: Rates | undefined): Usage {
  const expected = meter.expect(asked);
  const ofUnits: Usage = { ...nothingUsed, units: expected.units };
  return rates && priceOf(rates, ofUnits) !== undefined ? ofUnits : expected;
}
