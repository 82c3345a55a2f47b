import { collect } from "../providers/body.ts";
import { isEventStream, saysJson } from "../providers/content-type.ts";
import type { CallFailure } from "../providers/source.ts";
import { costOf } from "./account.ts";
import type { Call } from "./call.ts";
import type { Gateway } from "./gateway.ts";
import { brokenOff, ending, foreign, type Outcome, otherwiseOf } from "./outcome.ts";
import { failedAnswer, replyError } from "./reply-error.ts";
import { sendJson } from "./reply-headers.ts";
import { type Answered, carryStream } from "./carry-stream.ts";
import { replyMedia } from "./reply-media.ts";
import { replyModel } from "./reply-model.ts";
import { maxReplyBytes, readWhole } from "./reply-whole.ts";

/** An answer in the client's own format: it passes through. */
export function replyBytes(
  gateway: Gateway,
  call: Call,
  answered: Answered,
): Outcome | Promise<Outcome> {
  const { meter } = call.endpoint;
  if (meter) return replyMedia(gateway, call, { ...answered, meter });
  return call.isStream ? replyStream(gateway, call, answered) : replyWhole(gateway, call, answered);
}

function replyWhole(gateway: Gateway, call: Call, answered: Answered): Outcome | Promise<Outcome> {
  const read = collect(answered.answer, maxReplyBytes);
  return read instanceof Promise
    ? read.then((body) => outcomeOf(gateway, call, answered, body))
    : outcomeOf(gateway, call, answered, read);
}

function outcomeOf(
  gateway: Gateway,
  call: Call,
  { attempt, answer, dropped }: Answered,
  read: Buffer | CallFailure,
): Outcome {
  const { native } = call.endpoint;
  const whole = readWhole(read, answer, replyModel(gateway, call), native.readUsage);
  if (whole.kind === "failed") return brokenOff(call, whole.failure);
  if (whole.kind === "foreign") return foreign(call, "something that is not JSON", undefined);
  if (whole.error) return replyError(call, { attempt, dropped }, whole);
  const { body, usage } = whole;
  const cost = costOf(attempt, usage);
  const text = usage ? "" : native.generatedText(body);
  return {
    end: { status: "success", usage, cost, otherwise: { kind: "generated", text } },
    finish: () => sendJson(call, body, { attempt, dropped, cost }),
  };
}

async function replyStream(gateway: Gateway, call: Call, answered: Answered): Promise<Outcome> {
  const { answer } = answered;
  if (!isEventStream(answer)) return unstreamed(call, answered);
  const { failure, tail, text, ...seen } = await carryStream(gateway, call, answered);
  return {
    end: { ...ending(failure), ...seen, otherwise: otherwiseOf({ failure, text, ...seen }) },
    finish: () => call.response.end(tail),
  };
}

/** A stream was asked for and something else came. If it is a whole reply, the upstream did its work and says for how much. */
async function unstreamed(call: Call, { attempt, answer }: Answered): Promise<Outcome> {
  const what = "something that is no event stream";
  if (!saysJson(answer)) {
    answer.abort();
    return foreign(call, what, undefined);
  }
  const read = await collect(answer, maxReplyBytes);
  const whole = readWhole(read, answer, undefined, call.endpoint.native.readUsage);
  if (whole.kind === "failed") return brokenOff(call, whole.failure);
  if (whole.kind === "foreign") return foreign(call, what, undefined);
  return whole.error ? failedAnswer(call, attempt, whole) : foreign(call, what, whole.usage);
}
