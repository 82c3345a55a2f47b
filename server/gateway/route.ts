import { GatewayError } from "../errors.ts";
import type { Answer, CallFailure } from "../providers/call.ts";
import type { Deployment } from "../providers/deployment.ts";
import { mockAnswer } from "../providers/mock.ts";
import { uuidv7 } from "../secrets.ts";
import { account } from "./account.ts";
import { balance } from "./balance.ts";
import type { Attempt, Call } from "./call.ts";
import type { Gateway } from "./gateway.ts";
import { type AttemptFailure, failureOfAnswer, failureOfCall } from "./upstream-error.ts";
import { upstreamBody } from "./upstream-request.ts";

/** An upstream that took the call: its attempt, and its answer with the body still to be read. */
export interface Routed {
  readonly attempt: Attempt;
  readonly answer: Answer;
}

/**
 * Tries the group's deployments, each once, until one takes the call. What the caller did wrong ends it at once; what
 * another deployment may cure goes on to the next.
 *
 * @throws GatewayError the last failure; `model_unavailable` when there is no deployment to try.
 */
export async function route(gateway: Gateway, call: Call, body: Buffer): Promise<Routed> {
  assertLedgerHasRoom(gateway);
  let failure: AttemptFailure | undefined;
  for (const [retries, deployment] of balance(call.group.deployments).entries()) {
    if (call.client.isGone) throw clientClosed();
    const attempt = begin(deployment, retries);
    const outcome = await send(gateway, call, { attempt, body });
    if (isAnswer(outcome) && isSuccess(outcome)) return { attempt, answer: outcome };
    if (!isAnswer(outcome) && outcome.kind === "aborted") throw abandoned(gateway, call, attempt);
    failure = isAnswer(outcome)
      ? await failureOfAnswer(outcome, call.asked, attempt.deployment.headers)
      : failureOfCall(outcome, call.asked);
    settleFailure(gateway, call, { attempt, failure });
    if (!failure.isCurable) break;
  }
  throw failure?.error ?? unavailable(call);
}

/** A call whose row would have nowhere to wait is not made: money that cannot be accounted for is not spent. */
function assertLedgerHasRoom({ ledger }: Gateway): void {
  if (ledger.isFull)
    throw new GatewayError(
      "ledger_full",
      "Cannot take calls: the database has been away for too long to account for more",
      {
        headers: { "retry-after": "5" },
      },
    );
}

function begin(deployment: Deployment, retries: number): Attempt {
  const startedAt = new Date();
  return {
    id: uuidv7(startedAt.getTime()),
    deployment,
    retries,
    startedAt,
    sentAtMs: performance.now(),
  };
}

interface Sending {
  readonly attempt: Attempt;
  readonly body: Buffer;
}

function send(
  { transport }: Gateway,
  call: Call,
  { attempt, body }: Sending,
): Promise<Answer | CallFailure> | Answer {
  const { deployment } = attempt;
  const { endpoint, request } = call;
  const { mockResponse: text } = deployment;
  if (text !== undefined)
    return mockAnswer({
      text,
      model: deployment.upstreamModel,
      route: endpoint.name,
      request,
      bodyBytes: body.length,
    });
  const upstream = {
    path: deployment.pathOf(endpoint.name),
    headers: deployment.headers,
    body: upstreamBody(deployment, body, request),
    timeoutMs: call.isStream ? deployment.streamTimeoutMs : deployment.timeoutMs,
  };
  return transport.send(deployment.origin, upstream, (abort) => call.client.whenGone(abort));
}

function isAnswer(outcome: Answer | CallFailure): outcome is Answer {
  return "status" in outcome;
}

function isSuccess({ status }: Answer): boolean {
  return status >= 200 && status < 300;
}

/** The upstream was at work when the client left; what it did until then is estimated. */
function abandoned(gateway: Gateway, call: Call, attempt: Attempt): GatewayError {
  const otherwise = call.isStream
    ? { kind: "generated" as const, text: "" }
    : { kind: "estimate" as const };
  account(gateway, call, attempt, { status: "aborted", errorCode: "client_closed", otherwise });
  return clientClosed();
}

function clientClosed(): GatewayError {
  return new GatewayError("client_closed", "The client closed the connection");
}

function settleFailure(
  gateway: Gateway,
  call: Call,
  { attempt, failure }: { attempt: Attempt; failure: AttemptFailure },
): void {
  const { error, reason } = failure;
  gateway.logger.warn(
    { requestId: call.requestId, deployment: attempt.deployment.id, model: call.asked, reason },
    "upstream attempt failed",
  );
  account(gateway, call, attempt, {
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
