import type { Picodollars } from "../../shared/money.ts";
import type { Usage } from "../../shared/spend.ts";
import { collect } from "../providers/body.ts";
import { isEventStream, saysJson, typeOf } from "../providers/content-type.ts";
import type { CallFailure } from "../providers/source.ts";
import { type AttemptEnd, costOf } from "./account.ts";
import type { Call } from "./call.ts";
import { type Answered, carryStream } from "./carry-stream.ts";
import type { Gateway } from "./gateway.ts";
import { measuredUsage } from "./metering.ts";
import type { Meter, Told } from "./meters/meter.ts";
import { brokenOff, ending, foreign, type Outcome } from "./outcome.ts";
import { replyError } from "./reply-error.ts";
import { replyHeaders, sendJson } from "./reply-headers.ts";
import { replyModel } from "./reply-model.ts";
import { contentHeaders, PipedReply } from "./reply-piped.ts";
import { maxReplyBytes, readWhole } from "./reply-whole.ts";

type Metered = Answered & { readonly meter: Meter };

/**
 * An answer of a route that is not charged by tokens alone: JSON, a stream of events, or bytes of which nothing is read, such as
 * audio. Upstreams decide which it is by more than `stream`, so the answer's own word for it counts.
 */
export function replyMedia(gateway: Gateway, call: Call, metered: Metered): Promise<Outcome> {
  const { answer, meter } = metered;
  const contentType = typeOf(answer);
  if (isEventStream(answer)) return replyEvents(gateway, call, metered);
  if (saysJson(answer)) return replyJson(gateway, call, metered);
  if (meter.pipes(call.sent, contentType)) return replyPiped(call, metered);
  answer.abort();
  const what = `content of type ${JSON.stringify(contentType.slice(0, 100))}`;
  return Promise.resolve(foreign(call, what, undefined));
}

interface Charge {
  readonly usage: Usage | undefined;
  readonly cost: Picodollars | undefined;
}

/** What is known to have been consumed. */
function chargeOf(call: Call, { attempt, meter }: Metered, told: Told): Charge {
  const usage = measuredUsage(call.sent, meter, { told, rates: attempt.deployment.rates });
  return { usage, cost: costOf(attempt, usage) };
}

/**
 * Of what is not known, what is expected of such a call is charged: also where the client left, since an upstream goes on, as a
 * rule, and charges for it. One that broke off is owed for no more than it completed.
 */
function endOf(failure: CallFailure | undefined, charge: Charge): AttemptEnd {
  const hasFailed = failure !== undefined && failure.kind !== "aborted";
  return {
    ...ending(failure),
    ...charge,
    otherwise: { kind: hasFailed ? "nothing" : "estimate" },
  };
}

async function replyJson(gateway: Gateway, call: Call, metered: Metered): Promise<Outcome> {
  const { attempt, answer, dropped } = metered;
  const read = await collect(answer, maxReplyBytes);
  const whole = readWhole(read, answer, replyModel(gateway, call), call.endpoint.native.readUsage);
  if (whole.kind === "failed") return brokenOff(call, whole.failure);
  if (whole.kind === "foreign") return foreign(call, "something that is not JSON", undefined);
  if (whole.error) return replyError(call, { attempt, dropped }, whole);
  const { body, usage: reported } = whole;
  const charge = chargeOf(call, metered, { reported, body });
  return {
    end: endOf(undefined, charge),
    finish: () => sendJson(call, body, { attempt, dropped, cost: charge.cost }),
  };
}

async function replyEvents(gateway: Gateway, call: Call, metered: Metered): Promise<Outcome> {
  const { failure, tail, usage, firstByteAtMs } = await carryStream(gateway, call, metered);
  const charge = chargeOf(call, metered, { reported: usage });
  return {
    end: { ...endOf(failure, charge), firstByteAtMs },
    finish: () => call.response.end(tail),
  };
}

/** Of what comes after, nothing could change the price: it is told in a header. */
async function replyPiped(call: Call, metered: Metered): Promise<Outcome> {
  const { attempt, answer, dropped } = metered;
  const { response } = call;
  const charge = chargeOf(call, metered, { reported: undefined });
  const piped = new PipedReply(response);
  const headers = replyHeaders(call, { attempt, dropped, cost: charge.cost });
  response.writeHead(200, [...headers, ...contentHeaders(answer)]);
  call.client.whenGone(() => answer.abort());
  answer.read(piped);
  response.flushHeaders();
  const { failure, firstByteAtMs } = await piped.finished;
  return {
    end: { ...endOf(failure, charge), firstByteAtMs },
    // Half an answer must not look like a whole one.
    finish: () => (failure ? response.destroy() : response.end()),
  };
}
