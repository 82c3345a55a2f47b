import { performance } from "node:perf_hooks";
import type { Usage } from "../../shared/spend.ts";
import { GatewayError, toGatewayError } from "../errors.ts";
import type { Entry } from "../ledger/ledger.ts";
import type { Slot } from "../limits/limiter.ts";
import type { Deployment } from "../providers/deployment.ts";
import { uuidv7 } from "../uuid.ts";
import { account } from "./account.ts";
import { orFailed } from "./answer-start.ts";
import type { Attempt, Call } from "./call.ts";
import { clientClosed } from "./client-watch.ts";
import { estimatedCost } from "./estimate.ts";
import type { Gateway } from "./gateway.ts";
import type { Outgoing } from "./outgoing.ts";
import { prepare } from "./prepare.ts";
import { type Outcome, type Received, send } from "./send.ts";
import { type AttemptFailure, failureOfAnswer, failureOfCall } from "./upstream-error.ts";

/** One deployment of those that a call may go to. */
export interface Trial {
  readonly deployment: Deployment;
  /** What the call takes of its limits; undefined where it has none. It belongs to the trial, which ends it where no attempt came of it. */
  readonly slot: Slot | undefined;
  /** How many attempts of the call went before. */
  readonly retries: number;
  /** There is no other deployment left. */
  readonly isLast: boolean;
}

/** What came of it. */
export type Tried =
  /** The upstream took the call. `dropped`: parameters of the client's that did not reach it. */
  | {
      readonly kind: "received";
      readonly attempt: Attempt;
      readonly received: Received;
      readonly dropped: readonly string[];
    }
  /** Nothing was sent. */
  | { readonly kind: "unprepared"; readonly error: GatewayError }
  /** It is settled. `isCurable`: another deployment may do better. */
  | { readonly kind: "failed"; readonly error: GatewayError; readonly isCurable: boolean };

/**
 * Tries a call at one deployment: all that can fail before it leaves, then, as the last of that, it is written down, and sent.
 *
 * @throws GatewayError what is so for every deployment: `client_closed`, `ledger_full`
 */
export async function attemptAt(gateway: Gateway, call: Call, trial: Trial): Promise<Tried> {
  const { deployment, slot } = trial;
  let outgoing: Outgoing;
  let attempt: Attempt;
  try {
    const preparing = prepare(gateway, call, deployment);
    const prepared = preparing instanceof Promise ? await preparing : preparing;
    // A package to load, a token or a picture to fetch may have taken their time.
    if (call.client.isGone) throw clientClosed();
    if (prepared instanceof GatewayError) {
      slot?.release();
      return { kind: "unprepared", error: prepared };
    }
    outgoing = prepared;
    attempt = begin(call, { trial, outgoing, entry: await enter(gateway, call, deployment) });
  } catch (thrown) {
    slot?.release();
    throw thrown;
  }
  let outcome: Outcome;
  try {
    // Who left while the attempt was written down is not asked for; nothing is owed.
    if (call.client.isGone) throw clientClosed();
    outcome = await send(gateway, call, { attempt, outgoing });
    attempt.headAtMs = performance.now();
    if (!trial.isLast) outcome = await orFailed(call, attempt, outcome);
  } catch (thrown) {
    await settleThrown(gateway, call, { attempt, thrown });
    throw thrown;
  }
  attempt.readyAtMs = performance.now();
  if (outcome.kind !== "received") return failed(gateway, call, { attempt, outcome });
  return { kind: "received", attempt, received: outcome.received, dropped: outcome.dropped };
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

interface Beginning {
  readonly trial: Trial;
  readonly outgoing: Outgoing;
  readonly entry: Entry | undefined;
}

const noHeaders: readonly string[] = [];

/** A call that has nowhere to be written down is not made: money that cannot be accounted for is not spent. */
function begin(call: Call, { trial, outgoing, entry }: Beginning): Attempt {
  if (!entry)
    throw new GatewayError(
      "ledger_full",
      "Cannot take calls: there is no room left to account for them",
      { headers: { "retry-after": "5" } },
    );
  call.permit.leave();
  const { deployment, slot, retries } = trial;
  const sentHeaders = outgoing.kind === "bytes" ? outgoing.headers : noHeaders;
  const sentAtMs = performance.now();
  return {
    deployment,
    entry,
    sentHeaders,
    slot,
    retries,
    sentAtMs,
    headAtMs: undefined,
    firstByteAtMs: undefined,
    readyAtMs: undefined,
  };
}

/** What is in the journal must be settled, whatever happens: a bug that throws here costs nothing, and takes no slot with it. */
async function settleThrown(
  gateway: Gateway,
  call: Call,
  { attempt, thrown }: { attempt: Attempt; thrown: unknown },
): Promise<void> {
  const isGone = thrown instanceof GatewayError && thrown.code === "client_closed";
  await account(gateway, call, attempt, {
    status: isGone ? "aborted" : "failure",
    errorCode: toGatewayError(thrown).code,
    otherwise: { kind: "nothing" },
  });
}

interface Failed {
  readonly attempt: Attempt;
  readonly outcome: Exclude<Outcome, { kind: "received" }>;
}

async function failed(gateway: Gateway, call: Call, { attempt, outcome }: Failed): Promise<Tried> {
  if (outcome.kind === "failed" && outcome.failure.kind === "aborted") {
    await abandon(gateway, call, attempt);
    throw clientClosed();
  }
  const failure = await failureOf(outcome, call, attempt);
  await settleFailure(gateway, call, { attempt, failure, usage: outcome.usage });
  // A call settles its budgets once: one that has cost something is not tried again.
  return { kind: "failed", error: failure.error, isCurable: failure.isCurable && !outcome.usage };
}

function failureOf(
  outcome: Failed["outcome"],
  { asked }: Call,
  { deployment, sentHeaders }: Attempt,
): AttemptFailure | Promise<AttemptFailure> {
  switch (outcome.kind) {
    case "failed": {
      const failure = failureOfCall(outcome.failure, asked);
      return { ...failure, error: outcome.error ?? failure.error };
    }
    case "refused":
      return failureOfAnswer(outcome.answer, asked, {
        secrets: deployment.secrets,
        sentHeaders,
        adapter: deployment.adapter,
      });
    case "inexpressible":
      return { error: outcome.error, isCurable: true, reason: outcome.error.message };
  }
}

/** The upstream was at work when the client left; what it did until then is estimated. */
function abandon(gateway: Gateway, call: Call, attempt: Attempt): Promise<boolean> {
  return account(gateway, call, attempt, {
    status: "aborted",
    errorCode: "client_closed",
    otherwise: call.isStream ? { kind: "generated", text: "" } : { kind: "estimate" },
  });
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
  const { error, reason, code } = failure;
  return account(gateway, call, attempt, {
    status: "failure",
    errorCode: code ?? error.code,
    reason,
    usage,
    otherwise: { kind: "nothing" },
  });
}
