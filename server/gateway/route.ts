import { GatewayError } from "../errors.ts";
import type { Entry } from "../ledger/ledger.ts";
import type { Slot, Taking } from "../limits/limiter.ts";
import type { Deployment } from "../providers/deployment.ts";
import { uuidv7 } from "../secrets.ts";
import { account } from "./account.ts";
import { balance } from "./balance.ts";
import type { Attempt, Call } from "./call.ts";
import { estimatedCost, estimatedTokens } from "./estimate.ts";
import type { Gateway } from "./gateway.ts";
import { outgoingTo } from "./outgoing.ts";
import { passageOf } from "./passage.ts";
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
 * Tries those of the group's deployments that do what the route asks, each once, until one takes the call. What the caller did wrong ends it at once; what
 * another deployment may cure goes on to the next, and one that has reached its limits is passed over.
 *
 * @throws GatewayError the last failure; `model_unavailable` when there is no deployment to try.
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
    const { outgoing, entry } = await prepare(gateway, call, { deployment, body }).catch(
      (thrown: unknown) => {
        slot?.release();
        throw thrown;
      },
    );
    const attempt = begin(call, { deployment, entry, retries, slot });
    const outcome = await send(gateway, call, { attempt, outgoing });
    attempt.headAtMs = performance.now();
    if (outcome.kind === "received")
      return { attempt, received: outcome.received, dropped: outcome.dropped };
    if (outcome.kind === "failed" && outcome.failure.kind === "aborted")
      throw await abandoned(gateway, call, attempt);
    const failed = await failureOf(outcome, call, deployment);
    failure = failed.error;
    await settleFailure(gateway, call, { attempt, failure: failed });
    if (!failed.isCurable) break;
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

/** All that can fail before an attempt leaves; the last of it is that it is written down. */
async function prepare(
  gateway: Gateway,
  call: Call,
  leaving: { deployment: Deployment; body: Buffer },
) {
  const made = outgoingTo(gateway, call, leaving);
  const outgoing = made instanceof Promise ? await made : made;
  const entry = await enter(gateway, call, leaving.deployment);
  if (!entry) throw ledgerFull();
  return { outgoing, entry };
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

/** In the journal before it leaves; what calls nobody need not be. */
function enter(
  { ledger }: Gateway,
  call: Call,
  deployment: Deployment,
): Promise<Entry | undefined> | Entry {
  const startedAtMs = Date.now();
  const { estimate, windows } = call.permit;
  const opening = {
    id: uuidv7(startedAtMs),
    requestId: call.requestId,
    owner: call.caller,
    target: deployment,
    model: call.asked,
    streamed: call.isStream,
    startedAtMs,
    windows,
    estimate: {
      cost: estimatedCost(deployment, estimate),
      inputTokens: estimate.input,
      outputTokens: estimate.output,
    },
  };
  return deployment.mockResponse === undefined ? ledger.open(opening) : ledger.enter(opening);
}

/** A call that has nowhere to be written down is not made: money that cannot be accounted for is not spent. */
function ledgerFull(): GatewayError {
  return new GatewayError(
    "ledger_full",
    "Cannot take calls: there is no room left to account for them",
    { headers: { "retry-after": "5" } },
  );
}

function failureOf(
  outcome: Exclude<Outcome, { kind: "received" }>,
  { asked }: Call,
  { headers, adapter }: Deployment,
): AttemptFailure | Promise<AttemptFailure> {
  return outcome.kind === "failed"
    ? failureOfCall(outcome.failure, asked)
    : failureOfAnswer(outcome.answer, asked, { sentHeaders: headers, adapter });
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

function clientClosed(): GatewayError {
  return new GatewayError("client_closed", "The client closed the connection");
}

function settleFailure(
  gateway: Gateway,
  call: Call,
  { attempt, failure }: { attempt: Attempt; failure: AttemptFailure },
): Promise<void> {
  const { error, reason } = failure;
  gateway.logger.warn(
    { requestId: call.requestId, deployment: attempt.deployment.id, model: call.asked, reason },
    "upstream attempt failed",
  );
  return account(gateway, call, attempt, {
    status: "failure",
    errorCode: error.details.upstream?.code ?? error.code,
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
