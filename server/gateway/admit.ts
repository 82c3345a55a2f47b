import type { Usage } from "../../shared/spend.ts";
import type { Counter, Slot, Standing } from "../limits/limiter.ts";
import { estimatedTokens, estimatedUsage } from "./estimate.ts";
import type { Gateway } from "./gateway.ts";
import { hasBudget, holdMoney, type Spending } from "./money.ts";
import type { Call } from "./call.ts";
import { askedCap } from "./output-limit.ts";
import { Permit } from "./permit.ts";
import { countersOf, limitReached, limitsUnavailable } from "./rate-limits.ts";

/** A call that may be made, as far as its caller and its model say. */
export type Asking = Omit<Call, "permit">;

/**
 * Lets a call in: takes what it needs of its caller's limits, then holds what it may cost of its budgets. All or nothing; a
 * call that is refused takes nothing.
 *
 * @throws GatewayError `rate_limit_exceeded`, `limits_unavailable`, and what a budget refuses with
 */
export function admit(gateway: Gateway, asking: Asking): Permit | Promise<Permit> {
  const { request, bodyBytes, endpoint, history } = asking;
  const estimate = endpoint.meter
    ? endpoint.meter.expect(asking)
    : estimatedUsage(
        bodyBytes,
        endpoint.generates ? history.estimate(askedCap(endpoint, request)) : 0,
      );
  const counters = countersOf(asking.caller, asking.group.name, estimatedTokens(estimate));
  const spending = spendingOf(asking, estimate);
  return counters.length === 0 && !hasBudget(spending)
    ? Permit.free(estimate)
    : admitLimited(gateway, spending, counters);
}

async function admitLimited(
  gateway: Gateway,
  spending: Spending,
  counters: readonly Counter[],
): Promise<Permit> {
  const { estimate } = spending;
  const { slot, standings } = await takeLimits(gateway, spending, counters);
  try {
    const { hold, outputCap } = await holdMoney(gateway.treasury, spending);
    return new Permit({ estimate, slot, standings, hold, outputCap });
  } catch (error) {
    slot?.release();
    throw error;
  }
}

function spendingOf(
  { caller, group, request, bodyBytes, form, asked, endpoint }: Asking,
  estimate: Usage,
): Spending {
  return {
    caller,
    asked,
    group: group.name,
    deployments: group.deployments,
    request,
    bodyBytes,
    form,
    endpoint,
    estimate,
  };
}

interface Taken {
  readonly slot: Slot | undefined;
  readonly standings: readonly Standing[];
}

const nothingTaken: Taken = { slot: undefined, standings: [] };

async function takeLimits(
  { limiter }: Gateway,
  { caller, asked }: Spending,
  counters: readonly Counter[],
): Promise<Taken> {
  if (counters.length === 0) return nothingTaken;
  const taking = await limiter.take(counters);
  if (taking.kind === "taken") return taking;
  throw taking.kind === "refused" ? limitReached(asked, caller.name, taking) : limitsUnavailable();
}
