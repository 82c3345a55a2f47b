import type { Usage } from "../../shared/spend.ts";
import { GatewayError, toGatewayError } from "../errors.ts";
import type { Entry } from "../ledger/ledger.ts";
import type { Slot, Taking } from "../limits/limiter.ts";
import type { Deployment } from "../providers/deployment.ts";
import { account } from "./account.ts";
import { balance } from "./balance.ts";
import type { Attempt, Call } from "./call.ts";
import { estimatedTokens } from "./estimate.ts";
import { clientClosed } from "./client-watch.ts";
import type { Gateway } from "./gateway.ts";
import type { Outgoing } from "./outgoing.ts";
import { passageOf } from "./passage.ts";
import { prepare, type Prepared } from "./prepare.ts";
import { countersOfDeployment, limitReached, limitsUnavailable } from "./rate-limits.ts";
import { type Outcome, type Received, send } from "./send.ts";
import { type AttemptFailure, failureOfAnswer, failureOfCall } from "./upstream-error.ts";

/** An upstream that took the call: its attempt, and what it sends. */
export interface Routed {
  readonly attempt: Attempt;
  readonly received: Received;
  /** Parameters of the client's that did not reach it. */
  readonly dropped: readonly string[];
}

/**
 * Tries those of the group's deployments that do what the route asks, each once, until one takes the call. What an upstream finds
 * wrong with it ends it at once; what another deployment may cure goes on to the next. One that has reached its limits is passed
 * over, and so is one that the call cannot be prepared for: its provider has no words for it, or its package is not installed.
 *
 * @throws GatewayError the last failure, else why the first was passed over; `model_unavailable` when there is no deployment to try.
 */
export async function route(gateway: Gateway, call: Call, body: Buffer): Promise<Routed> {
  let failure: GatewayError | undefined;
  let retries = 0;
  for (const deployment of balance(call.group.deployments)) {
    if (passageOf(call.endpoint, deployment) === undefined) continue;
    if (call.client.isGone) throw clientClosed();
    const taking = takeDeployment(gateway, call, deployment);
    const taken = taking instanceof Promise ? await taking : taking;
    if (taken.kind !== "taken") {
      failure ??= passedOver(call, deployment, taken);
      continue;
    }
    const { slot } = taken;
    let prepared: Prepared;
    try {
      prepared = await prepare(gateway, call, { deployment, body });
    } catch (thrown) {
      slot?.release();
      throw thrown;
    }
    if (prepared.kind === "unprepared") {
      slot?.release();
      failure ??= prepared.error;
      continue;
    }
    const { outgoing, entry } = prepared;
    const attempt = begin(call, { deployment, entry, retries, slot });
    const outcome = await sendOrSettle(gateway, call, { attempt, outgoing });
    attempt.headAtMs = performance.now();
    if (outcome.kind === "received")
      return { attempt, received: outcome.received, dropped: outcome.dropped };
    if (outcome.kind === "failed" && outcome.failure.kind === "aborted")
      throw await abandoned(gateway, call, attempt);
    const failed = await failureOf(outcome, call, { deployment, outgoing });
    failure = failed.error;
    await settleFailure(gateway, call, { attempt, failure: failed, usage: outcome.usage });
    // A call settles its budgets once: one that has cost something is not tried again.
    if (!failed.isCurable || outcome.usage) break;
    retries += 1;
  }
  throw failure ?? unavailable(call);
}

const unlimited = { kind: "taken", slot: undefined } as const;

function takeDeployment({ limiter }: Gateway, { permit }: Call, deployment: Deployment) {
  const counters = countersOfDeployment(deployment, estimatedTokens(permit.estimate));
  return counters.length === 0 ? unlimited : limiter.take(counters);
}

function passedOver(
  { asked }: Call,
  { id }: Deployment,
  taking: Exclude<Taking, { kind: "taken" }>,
): GatewayError {
  return taking.kind === "refused"
    ? limitReached(asked, `deployment ${JSON.stringify(id)}`, taking)
    : limitsUnavailable();
}

interface Beginning {
  readonly deployment: Deployment;
  readonly entry: Entry;
  readonly retries: number;
  readonly slot: Slot | undefined;
}

function begin(call: Call, { deployment, entry, retries, slot }: Beginning): Attempt {
  call.permit.leave();
  return { deployment, entry, slot, retries, sentAtMs: performance.now(), headAtMs: undefined };
}

/** What is in the journal must be settled, whatever happens: a bug that throws here costs nothing, and takes no slot with it. */
async function sendOrSettle(
  gateway: Gateway,
  call: Call,
  { attempt, outgoing }: { attempt: Attempt; outgoing: Outgoing },
): Promise<Outcome> {
  try {
    // Who left while the attempt was written down is not asked for; nothing is owed.
    if (call.client.isGone) throw clientClosed();
    return await send(gateway, call, { attempt, outgoing });
  } catch (thrown) {
    const isGone = thrown instanceof GatewayError && thrown.code === "client_closed";
    await account(gateway, call, attempt, {
      status: isGone ? "aborted" : "failure",
      errorCode: toGatewayError(thrown).code,
      otherwise: { kind: "nothing" },
    });
    throw thrown;
  }
}

function failureOf(
  outcome: Exclude<Outcome, { kind: "received" }>,
  { asked }: Call,
  { deployment, outgoing }: { deployment: Deployment; outgoing: Outgoing },
): AttemptFailure | Promise<AttemptFailure> {
  switch (outcome.kind) {
    case "failed":
      return failureOfCall(outcome.failure, asked);
    case "refused":
      return failureOfAnswer(outcome.answer, asked, {
        secrets: deployment.secrets,
        // A token that is good for a while stands in these alone.
        sentHeaders: outgoing.kind === "bytes" ? outgoing.headers : [],
        adapter: deployment.adapter,
      });
    case "inexpressible":
      return { error: outcome.error, isCurable: true, reason: outcome.error.message };
  }
}

/** The upstream was at work when the client left; what it did until then is estimated. */
async function abandoned(gateway: Gateway, call: Call, attempt: Attempt): Promise<GatewayError> {
  const otherwise = call.isStream
    ? { kind: "generated" as const, text: "" }
    : { kind: "estimate" as const };
  await account(gateway, call, attempt, {
    status: "aborted",
    errorCode: "client_closed",
    otherwise,
  });
  return clientClosed();
}

interface SettledFailure {
  readonly attempt: Attempt;
  readonly failure: AttemptFailure;
  readonly usage: Usage | undefined;
}

function settleFailure(
  gateway: Gateway,
  call: Call,
  { attempt, failure, usage }: SettledFailure,
): Promise<boolean> {
  const { error, reason } = failure;
  gateway.logger.warn(
    { requestId: call.requestId, deployment: attempt.deployment.id, model: call.asked, reason },
    "upstream attempt failed",
  );
  return account(gateway, call, attempt, {
    status: "failure",
    errorCode: error.details.upstream?.code ?? error.code,
    usage,
    otherwise: { kind: "nothing" },
  });
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
