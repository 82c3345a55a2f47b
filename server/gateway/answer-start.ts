import { Buffer } from "node:buffer";
import { collect } from "../providers/body.ts";
import { isEventStream, saysJson } from "../providers/content-type.ts";
import { type Fields, isFields } from "../providers/json.ts";
import type { EventSource, ModelEvent } from "../providers/model-event.ts";
import type { CallFailure, Reader } from "../providers/source.ts";
import { wholeAnswer } from "../providers/whole-answer.ts";
import { EscapedText } from "../wire/escaped-text.ts";
import type { Span } from "../wire/span.ts";
import { dataOf, SseEvents } from "../wire/sse-events.ts";
import type { Attempt, Call } from "./call.ts";
import { type NoAnswer, ReadAhead, type Verdict } from "./read-ahead.ts";
import { maxReplyBytes, readWhole } from "./reply-whole.ts";
import type { Outcome, Received } from "./send.ts";
import { errorInEvent, payloadOf, toldError } from "./told-error.ts";

/** How long the head of a stream is kept from its client at most, who may take it for a connection that died. */
const longestMs = 5_000;

/** How much of a stream that says nothing is kept, and how long an error may be. */
const mostBytes = 64 * 1024;

/**
 * Waits until an answer is there, a stream's first word or all of another, or until it has failed: then it is charged nothing, its
 * client has been sent nothing, and another deployment can be tried. What waiting has read is not lost. An error that is of the
 * request's making goes on to the client, and so does whatever has a meter: it may be too large to be kept.
 */
export async function orFailed(call: Call, attempt: Attempt, outcome: Outcome): Promise<Outcome> {
  if (outcome.kind !== "received" || call.endpoint.meter) return outcome;
  const received = await startOf(call, attempt, outcome.received);
  return "failure" in received ? { kind: "failed", ...received } : { ...outcome, received };
}

function startOf(call: Call, attempt: Attempt, received: Received): Promise<Received | NoAnswer> {
  switch (received.kind) {
    case "bytes":
      return call.isStream
        ? streamedBytes(call, attempt, received)
        : wholeBytes(call, attempt, received);
    case "events":
      return events(call, attempt, received.source);
    case "vectors":
      return vectors(received);
    case "unstreamed":
      return unstreamed(received);
  }
}

type Bytes = Extract<Received, { kind: "bytes" }>;
type Unstreamed = Extract<Received, { kind: "unstreamed" }>;
type Vectors = Extract<Received, { kind: "vectors" }>;

const noJson: CallFailure = { kind: "foreign", reason: "something that is not JSON" };
const noStream: CallFailure = { kind: "foreign", reason: "something that is no event stream" };

async function wholeBytes(
  call: Call,
  attempt: Attempt,
  { answer }: Bytes,
): Promise<Received | NoAnswer> {
  const body = await collect(answer, maxReplyBytes);
  if (!Buffer.isBuffer(body)) return { failure: body };
  const { status, headers } = answer;
  const bytes: Bytes = { kind: "bytes", answer: wholeAnswer({ status, headers, body }) };
  // Whoever writes the reply looks at it again: only what is short enough for an error is worth looking at twice.
  if (body.length > mostBytes) return bytes;
  const whole = readWhole(body, answer, undefined, call.endpoint.native.readUsage);
  if (whole.kind !== "complete") return { failure: noJson };
  const { error, usage } = whole;
  const verdict = error && !usage ? verdictOn(error, call, attempt) : "started";
  return verdict === "started" ? bytes : verdict;
}

async function streamedBytes(
  call: Call,
  attempt: Attempt,
  bytes: Bytes,
): Promise<Received | NoAnswer> {
  const { answer } = bytes;
  if (!isEventStream(answer)) {
    if (saysJson(answer)) return wholeBytes(call, attempt, bytes);
    answer.abort();
    return { failure: noStream };
  }
  const mayBeEmpty = call.endpoint.native.missingEnd !== undefined;
  const judge = judgeOfBytes(call, attempt);
  const start = new ReadAhead(answer, { judge, mayBeEmpty, longestMs });
  const none = await start.outcome;
  if (none) return none;
  attempt.firstByteAtMs = start.firstPieceAtMs;
  const { status, headers } = answer;
  const read = (reader: Reader<Buffer>) => start.read(reader);
  return { kind: "bytes", answer: { status, headers, read, abort: () => start.abort() } };
}

async function events(
  call: Call,
  attempt: Attempt,
  answer: EventSource,
): Promise<Received | NoAnswer> {
  const source = new ReadAhead(answer, {
    judge: (some) => verdictOnEvents(some, call, attempt),
    mayBeEmpty: false,
    longestMs: call.isStream ? longestMs : undefined,
  });
  const none = await source.outcome;
  if (none) return none;
  if (call.isStream) attempt.firstByteAtMs = source.firstPieceAtMs;
  return { kind: "events", source };
}

/** One that reports what it used has done its work. */
async function unstreamed({ readUsage }: Unstreamed): Promise<Received | NoAnswer> {
  const usage = await readUsage();
  if (!usage) return { failure: noStream };
  return { kind: "unstreamed", readUsage: () => Promise.resolve(usage) };
}

async function vectors({ read }: Vectors): Promise<Received | NoAnswer> {
  const embeddings = await read();
  if ("kind" in embeddings) return { failure: embeddings };
  return { kind: "vectors", read: () => Promise.resolve(embeddings) };
}

function judgeOfBytes(call: Call, attempt: Attempt): (chunk: Buffer) => Verdict {
  const { native } = call.endpoint;
  const readEvent = native.createReader();
  const cut = new SseEvents();
  const text = new EscapedText();
  let kept = 0;
  const verdictOf = (bytes: Buffer, event: Span): Verdict => {
    const { start, end } = dataOf(bytes, event);
    if (start === end) return "nothing";
    const { isError, usage } = readEvent(bytes, event, text);
    const payload = payloadOf(bytes, event);
    if (isError && !usage) return verdictOn(errorInEvent(payload), call, attempt);
    return !usage && isFields(payload) && native.isOpening(payload) ? "nothing" : "started";
  };
  return (chunk) => {
    let verdict: Verdict = "nothing";
    kept += chunk.length;
    cut.push(chunk, (bytes, start, end) => {
      if (verdict === "nothing") verdict = verdictOf(bytes, { start, end });
    });
    return kept > mostBytes && verdict === "nothing" ? "started" : verdict;
  };
}

function verdictOnEvents(some: readonly ModelEvent[], call: Call, attempt: Attempt): Verdict {
  const telling = some.find(({ type }) => type !== "start");
  if (!telling) return "nothing";
  if (telling.type !== "error") return "started";
  const { code, message } = telling;
  return verdictOn({ code, message }, call, attempt);
}

function verdictOn(told: Fields, call: Call, attempt: Attempt): "started" | NoAnswer {
  const { failure, isOfRequest, error } = toldError(told, call, attempt);
  return isOfRequest ? "started" : { failure, error };
}
