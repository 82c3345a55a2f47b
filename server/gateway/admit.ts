import type { Usage } from "../../shared/spend.ts";
import { estimatedTokens, estimatedUsage } from "./estimate.ts";
import type { Gateway } from "./gateway.ts";
import { hasBudget, type Held, holdMoney, type Spending } from "./money.ts";
import type { Call } from "./call.ts";
import { Permit } from "./permit.ts";
import { countersOf, notTaken, type Taken, takeCounters } from "./rate-limits.ts";

/** A call that may be made, as far as its caller and its model say. */
export type Asking = Omit<Call, "permit">;

/**
 * Lets a call in: takes what it needs of its caller's limits, then holds what it may cost of its budgets. All or nothing; a
 * call that is refused takes nothing.
 *
 * @throws GatewayError `rate_limit_exceeded`, `limits_unavailable`, and what a budget refuses with
 */
export function admit(gateway: Gateway, asking: Asking): Permit | Promise<Permit> {
  const { sent, askedCap, endpoint, history } = asking;
  const estimate = endpoint.meter
    ? endpoint.meter.expect(sent)
    : estimatedUsage(sent.bodyBytes, endpoint.generates ? history.estimate(askedCap) : 0);
  const counters = countersOf(asking.caller, asking.group.name, estimatedTokens(estimate));
  const spending = spendingOf(asking, estimate);
  if (counters.length === 0 && !hasBudget(spending)) return Permit.free(estimate);
  const taking = takeCounters(gateway.limiter, counters);
  return taking instanceof Promise
    ? taking.then((taken) => admitTaken(gateway, spending, taken))
    : admitTaken(gateway, spending, taking);
}

function admitTaken(
  { treasury }: Gateway,
  spending: Spending,
  taking: Taken,
): Permit | Promise<Permit> {
  if (taking.kind !== "taken") throw notTaken(spending.asked, spending.caller.name, taking);
  const { slot, standings } = taking;
  const { estimate } = spending;
  const permitOf = ({ hold, outputCap }: Held) =>
    new Permit({ estimate, slot, standings, hold, outputCap });
  const giveBack = (error: unknown): never => {
    slot?.release();
    throw error;
  };
  try {
    const holding = holdMoney(treasury, spending);
    return holding instanceof Promise ? holding.then(permitOf, giveBack) : permitOf(holding);
  } catch (error) {
    return giveBack(error);
  }
}

function spendingOf({ caller, group, sent, asked, endpoint }: Asking, estimate: Usage): Spending {
  return {
    caller,
    asked,
    group: group.name,
    deployments: group.deployments,
    sent,
    endpoint,
    estimate,
  };
}
