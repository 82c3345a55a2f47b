import { type Picodollars, usdTextFromPicodollars } from "../../shared/money.ts";
import { GatewayError } from "../errors.ts";
import type { CallFailure } from "../providers/call.ts";
import { account, type AttemptEnd, costOf } from "./account.ts";
import type { Attempt, Call } from "./call.ts";
import type { Gateway } from "./gateway.ts";
import { generatedText, readWhole } from "./reply-whole.ts";
import { StreamReply } from "./reply-stream.ts";
import type { Routed } from "./route.ts";
import { failureOfCall } from "./upstream-error.ts";

/** Carries the upstream's answer to the client, as it comes or as a whole, and accounts for it once it has ended. */
export function reply(gateway: Gateway, call: Call, routed: Routed): Promise<void> {
  return call.isStream ? replyStream(gateway, call, routed) : replyWhole(gateway, call, routed);
}

async function replyWhole(
  gateway: Gateway,
  call: Call,
  { attempt, answer }: Routed,
): Promise<void> {
  const headMs = performance.now();
  const whole = await readWhole(answer, gateway.returnUpstreamModel ? undefined : call.asked);
  if (whole.kind === "failed") {
    const isGone = whole.failure.kind === "aborted";
    const { error } = failureOfCall(whole.failure, call.asked);
    account(gateway, call, attempt, {
      ...ending(whole.failure),
      otherwise: { kind: isGone ? "estimate" : "nothing" },
    });
    throw error;
  }
  if (whole.kind === "foreign") {
    account(gateway, call, attempt, {
      status: "failure",
      errorCode: "upstream_failed",
      otherwise: { kind: "nothing" },
    });
    throw new GatewayError(
      "upstream_failed",
      `The upstream of model ${JSON.stringify(call.asked)} answered with something that is not JSON`,
    );
  }
  const { body, usage } = whole;
  const cost = costOf(attempt, usage);
  const headers = replyHeaders(call, attempt, { headMs, cost });
  headers.push("content-type", "application/json", "content-length", String(body.length));
  call.response.writeHead(200, headers).end(body);
  account(gateway, call, attempt, {
    status: "success",
    usage,
    cost,
    otherwise: { kind: "generated", text: usage ? "" : generatedText(body) },
  });
}

async function replyStream(
  gateway: Gateway,
  call: Call,
  { attempt, answer }: Routed,
): Promise<void> {
  const headMs = performance.now();
  if (!String(answer.headers["content-type"]).startsWith("text/event-stream")) {
    answer.abort();
    account(gateway, call, attempt, {
      status: "failure",
      errorCode: "upstream_failed",
      otherwise: { kind: "nothing" },
    });
    throw new GatewayError(
      "upstream_failed",
      `The upstream of model ${JSON.stringify(call.asked)} answered with something that is no event stream`,
    );
  }
  call.response.writeHead(200, [
    ...replyHeaders(call, attempt, { headMs, cost: undefined }),
    ...streamHeaders,
  ]);
  const stream = new StreamReply(call, gateway.returnUpstreamModel ? undefined : call.asked);
  call.client.whenGone(() => answer.abort());
  answer.read(stream);
  call.response.flushHeaders();
  const { failure, usage, text } = await stream.finished;
  account(gateway, call, attempt, {
    ...ending(failure),
    usage,
    otherwise: { kind: "generated", text },
  });
}

function ending(failure: CallFailure | undefined): Pick<AttemptEnd, "status" | "errorCode"> {
  if (!failure) return { status: "success" };
  return failure.kind === "aborted"
    ? { status: "aborted", errorCode: "client_closed" }
    : { status: "failure", errorCode: failureOfCall(failure, "").error.code };
}

/** A proxy in between must neither keep a stream back nor compress it. */
const streamHeaders = [
  "content-type",
  "text/event-stream; charset=utf-8",
  "cache-control",
  "no-cache, no-transform",
  "x-accel-buffering",
  "no",
];

interface ReplyFacts {
  /** When the upstream's head arrived. */
  readonly headMs: number;
  readonly cost: Picodollars | undefined;
}

/** Names and values in turn. */
function replyHeaders(call: Call, attempt: Attempt, { headMs, cost }: ReplyFacts): string[] {
  const { deployment, retries } = attempt;
  const ownMs = performance.now() - call.startedAtMs - (headMs - attempt.sentAtMs);
  const headers = [
    "x-request-id",
    call.requestId,
    "x-litellm-call-id",
    call.requestId,
    "x-litellm-model-id",
    deployment.id,
    "x-litellm-model-group",
    encodeURI(call.group.name),
    "x-litellm-attempted-retries",
    String(retries),
    "x-litellm-attempted-fallbacks",
    "0",
    "x-litellm-overhead-duration-ms",
    ownMs.toFixed(2),
  ];
  if (cost !== undefined) headers.push("x-litellm-response-cost", usdTextFromPicodollars(cost));
  return headers;
}
