import { GatewayError } from "../errors.ts";
import type { Deployment } from "../providers/deployment.ts";
import { attemptAt, type Tried } from "./attempt.ts";
import { balance } from "./balance.ts";
import type { Call } from "./call.ts";
import { clientClosed } from "./client-watch.ts";
import { estimatedTokens } from "./estimate.ts";
import type { Gateway } from "./gateway.ts";
import { passageOf } from "./passage.ts";
import { countersOfOwner, notTaken, takeCounters } from "./rate-limits.ts";

/** An upstream that took the call: its attempt, and what it sends. */
export type Routed = Omit<Extract<Tried, { kind: "received" }>, "kind">;

/**
 * Tries those of the group's deployments that do what the route asks, each once, until one takes the call. What an upstream finds
 * wrong with it ends it at once; what another deployment may cure goes on to the next. One that has reached its limits is passed
 * over, and so is one that the call cannot be prepared for: its provider has no words for it, or its package is not installed.
 *
 * @throws GatewayError the last failure, else why the first was passed over; `model_unavailable` when there is no deployment to try.
 */
export async function route(gateway: Gateway, call: Call): Promise<Routed> {
  let failure: GatewayError | undefined;
  let retries = 0;
  const candidates = balance(call.group.deployments).filter(
    (deployment) => passageOf(call.endpoint, deployment) !== undefined,
  );
  for (const deployment of candidates) {
    if (call.client.isGone) throw clientClosed();
    const taking = takeDeployment(gateway, call, deployment);
    const taken = taking instanceof Promise ? await taking : taking;
    if (taken.kind !== "taken") {
      failure ??= notTaken(call.asked, `deployment ${JSON.stringify(deployment.id)}`, taken);
      continue;
    }
    const isLast = deployment === candidates.at(-1);
    const tried = await attemptAt(gateway, call, { deployment, slot: taken.slot, retries, isLast });
    if (tried.kind === "received") return tried;
    if (tried.kind === "unprepared") {
      failure ??= tried.error;
      continue;
    }
    failure = tried.error;
    if (!tried.isCurable) break;
    retries += 1;
  }
  throw failure ?? unavailable(call);
}

function takeDeployment({ limiter }: Gateway, { permit }: Call, deployment: Deployment) {
  const counters = countersOfOwner(deployment, estimatedTokens(permit.estimate));
  return takeCounters(limiter, counters);
}

function unavailable({ asked }: Call): GatewayError {
  return new GatewayError(
    "model_unavailable",
    `Cannot call model ${JSON.stringify(asked)}: its upstream is not configured on this gateway`,
    {
      headers: { "retry-after": "60" },
    },
  );
}
