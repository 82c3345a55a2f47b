import { type Picodollars, usdTextFromPicodollars } from "../../shared/money.ts";
import type { Usage } from "../../shared/spend.ts";
import { GatewayError } from "../errors.ts";
import type { Answer, CallFailure } from "../providers/call.ts";
import { account, type AttemptEnd, costOf } from "./account.ts";
import type { Attempt, Call } from "./call.ts";
import type { Gateway } from "./gateway.ts";
import { askedCap } from "./output-limit.ts";
import { limitHeaders } from "./rate-limits.ts";
import { generatedText, readWhole } from "./reply-whole.ts";
import { StreamReply } from "./reply-stream.ts";
import type { Routed } from "./route.ts";
import { failureOfCall } from "./upstream-error.ts";

/**
 * Carries the upstream's answer to the client, as it comes or as a whole, and accounts for it once it has ended, however
 * it did. Only then is the client sent the last of it: who has a whole reply can rely on its being accounted for.
 *
 * @throws GatewayError what the client is to be told where it has been sent nothing yet.
 */
export async function reply(gateway: Gateway, call: Call, routed: Routed): Promise<void> {
  const outcome = await carry(gateway, call, routed);
  await account(gateway, call, routed.attempt, outcome.end);
  if ("error" in outcome) throw outcome.error;
  try {
    outcome.finish();
  } catch (thrown) {
    closeHalfSent(call);
    throw thrown;
  }
}

/** Half a reply must not look like a whole one. */
function closeHalfSent({ response }: Call): void {
  if (response.headersSent && !response.writableEnded) response.destroy();
}

/** How a reply ended: for the ledger, and for the client the last of it, or an error where it has been sent nothing. */
type Outcome = { readonly end: AttemptEnd } & (
  | { readonly finish: () => void }
  | { readonly error: unknown }
);

async function carry(gateway: Gateway, call: Call, routed: Routed): Promise<Outcome> {
  try {
    return call.isStream
      ? await replyStream(gateway, call, routed)
      : await replyWhole(gateway, call, routed);
  } catch (thrown) {
    routed.answer.abort();
    closeHalfSent(call);
    return {
      end: { status: "failure", errorCode: "internal", otherwise: { kind: "nothing" } },
      error: thrown,
    };
  }
}

async function replyWhole(
  gateway: Gateway,
  call: Call,
  { attempt, answer }: Routed,
): Promise<Outcome> {
  const whole = await readWhole(answer, gateway.returnUpstreamModel ? undefined : call.asked);
  if (whole.kind === "failed") return brokenOff(call, whole.failure);
  if (whole.kind === "foreign") return foreign(call, "something that is not JSON", undefined);
  const { body, usage } = whole;
  const cost = costOf(attempt, usage);
  return {
    end: {
      status: "success",
      usage,
      cost,
      otherwise: { kind: "generated", text: usage ? "" : generatedText(body) },
    },
    finish() {
      const headers = replyHeaders(call, attempt, cost);
      headers.push("content-type", "application/json", "content-length", String(body.length));
      call.response.writeHead(200, headers).end(body);
    },
  };
}

async function replyStream(
  gateway: Gateway,
  call: Call,
  { attempt, answer }: Routed,
): Promise<Outcome> {
  const contentType = String(answer.headers["content-type"]);
  if (!contentType.startsWith("text/event-stream")) return unstreamed(call, answer, contentType);
  const { response } = call;
  response.writeHead(200, [...replyHeaders(call, attempt, undefined), ...streamHeaders]);
  const stream = new StreamReply(call, gateway.returnUpstreamModel ? undefined : call.asked);
  call.client.whenGone(() => answer.abort());
  answer.read(stream);
  response.flushHeaders();
  const { failure, usage, text, tail, firstByteAtMs } = await stream.finished;
  // Where the gateway itself failed on an event, the upstream is still sending.
  if (failure) answer.abort();
  return {
    end: { ...ending(failure), usage, firstByteAtMs, otherwise: { kind: "generated", text } },
    finish: () => response.end(tail),
  };
}

/** A stream was asked for and something else came. If it is a whole reply, the upstream did its work and says for how much. */
async function unstreamed(call: Call, answer: Answer, contentType: string): Promise<Outcome> {
  const what = "something that is no event stream";
  if (!contentType.includes("json")) {
    answer.abort();
    return foreign(call, what, undefined);
  }
  const whole = await readWhole(answer, undefined);
  if (whole.kind === "failed") return brokenOff(call, whole.failure);
  return foreign(call, what, whole.kind === "complete" ? whole.usage : undefined);
}

function foreign({ asked }: Call, what: string, usage: Usage | undefined): Outcome {
  return {
    end: {
      status: "failure",
      errorCode: "upstream_failed",
      usage,
      otherwise: { kind: "nothing" },
    },
    error: new GatewayError(
      "upstream_failed",
      `The upstream of model ${JSON.stringify(asked)} answered with ${what}`,
    ),
  };
}

function brokenOff(call: Call, failure: CallFailure): Outcome {
  const isGone = failure.kind === "aborted";
  return {
    end: { ...ending(failure), otherwise: { kind: isGone ? "estimate" : "nothing" } },
    error: failureOfCall(failure, call.asked).error,
  };
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

/** Names and values in turn. */
function replyHeaders(call: Call, attempt: Attempt, cost: Picodollars | undefined): string[] {
  const { deployment, retries, sentAtMs, headAtMs = sentAtMs } = attempt;
  const { requestId, group, permit } = call;
  const ownMs = performance.now() - call.startedAtMs - (headAtMs - sentAtMs);
  const headers = [
    "x-request-id",
    requestId,
    "x-litellm-call-id",
    requestId,
    "x-litellm-model-id",
    deployment.id,
    "x-litellm-model-group",
    encodeURI(group.name),
    "x-litellm-attempted-retries",
    String(retries),
    "x-litellm-attempted-fallbacks",
    "0",
    "x-litellm-overhead-duration-ms",
    ownMs.toFixed(2),
  ];
  if (permit.standings.length > 0) headers.push(...limitHeaders(permit.standings));
  if (permit.outputCap !== undefined && permit.outputCap !== askedCap(call.request))
    headers.push("x-keyplane-max-tokens", String(permit.outputCap));
  if (cost !== undefined) headers.push("x-litellm-response-cost", usdTextFromPicodollars(cost));
  return headers;
}
