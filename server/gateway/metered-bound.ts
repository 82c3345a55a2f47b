import type { Picodollars } from "../../shared/money.ts";
import { priceOf } from "../providers/charge.ts";
import type { Deployment } from "../providers/deployment.ts";
import { nothingUsed } from "../providers/media-usage.ts";
import { isFree, type Rates } from "../providers/prices.ts";
import type { UnitRates } from "../providers/unit-rates.ts";
import { type Bound, highest, inputBuckets, largest, notPriced, outputBuckets } from "./bound.ts";
import type { Asked, Ceiling, Meter } from "./meters/meter.ts";

interface MeteredCall {
  readonly asked: string;
  readonly sent: Asked;
}

/**
 * The bound of a call that is charged by other things than tokens, over every deployment that may answer it. There is nothing
 * in such a call that could be lowered to what a budget has left.
 *
 * @throws GatewayError `model_not_priced`: nobody can say what it may cost
 */
export function meteredBound(
  deployments: readonly Deployment[],
  call: MeteredCall,
  meter: Meter,
): Bound {
  const ceiling = meter.ceiling(call.sent);
  const need = largest(deployments.map((deployment) => costAt(deployment, call, ceiling)));
  return { need, least: need, outputCapFor: () => undefined };
}

function costAt(deployment: Deployment, call: MeteredCall, ceiling: Ceiling): Picodollars {
  const { rates } = deployment;
  if (!rates) throw notPriced(call, "its price is not known");
  if (isFree(rates)) return 0n;
  const ofUnits = unitsCost(rates, call, ceiling);
  if (rates.isTokenless || (ofUnits !== undefined && !ceiling.reportsTokens)) {
    if (ofUnits === undefined) throw notPriced(call, "none of what the route consumes has a price");
    return ofUnits;
  }
  return (ofUnits ?? rates.perCall) + tokensCost(deployment, rates, { call, ceiling });
}

/** With the call itself; undefined where none of the route's units has a price. */
function unitsCost(rates: Rates, call: MeteredCall, { units }: Ceiling): Picodollars | undefined {
  const { perSecond }: UnitRates = rates.units ?? {};
  const isEndless = perSecond !== undefined && units.audio_ms === Infinity;
  if (isEndless) throw notPriced(call, "how long its audio is cannot be told from its bytes");
  const { audio_ms: _unknown, ...told } = units;
  return priceOf({ ...rates, isTokenless: true }, { ...nothingUsed, units: told });
}

function tokensCost(
  { maxInputTokens = Infinity, maxOutputTokens = Infinity }: Deployment,
  rates: Rates,
  { call, ceiling }: { call: MeteredCall; ceiling: Ceiling },
): Picodollars {
  const { perInputImageToken = 0n, perOutputImageToken = 0n }: UnitRates = rates.units ?? {};
  const input = Math.min(ceiling.inputTokens, maxInputTokens);
  const output = Math.min(ceiling.outputTokens, maxOutputTokens) * ceiling.answers;
  const unknown = [
    ...(input === Infinity ? ["max_input_tokens"] : []),
    ...(output === Infinity ? ["max_output_tokens"] : []),
  ];
  if (unknown.length > 0)
    throw notPriced(
      call,
      `it is priced by tokens that nothing bounds, since ${unknown.join(" and ")} of it is not configured`,
    );
  return (
    BigInt(input) * largest([highest(rates, inputBuckets), perInputImageToken]) +
    BigInt(output) * largest([highest(rates, outputBuckets), perOutputImageToken])
  );
}
