import { Buffer } from "node:buffer";
import { collect } from "../providers/body.ts";
import { isEventStream, saysJson, typeOf } from "../providers/content-type.ts";
import type { CallFailure, Reader } from "../providers/source.ts";
import { wholeAnswer } from "../providers/whole-answer.ts";
import {
  consumes,
  judgesOfAll,
  judgesOfBytes,
  judgesOfEvents,
  noAnswerFor,
  verdictOnAll,
} from "./answer-verdict.ts";
import type { Attempt, Call } from "./call.ts";
import { type NoAnswer, ReadAhead } from "./read-ahead.ts";
import { usageOf } from "./reply-events.ts";
import { maxReplyBytes, readWhole } from "./reply-whole.ts";
import type { Outcome, Received } from "./send.ts";

/** How long the head of a stream is kept from its client at most, who may take it for a connection that died. */
const longestMs = 5_000;

/** How long an error may be. */
const mostErrorBytes = 64 * 1024;

/**
 * Waits until an answer is there, a stream's first word or all of another, or until it has failed: then it is charged nothing, its
 * client has been sent nothing, and another deployment can be tried. What waiting has read is not lost. An error that is of the
 * request's making goes on to the client, and so do streams and audio of routes that have a meter, which may be too large to be
 * kept.
 */
export async function orFailed(call: Call, attempt: Attempt, outcome: Outcome): Promise<Outcome> {
  if (outcome.kind !== "received") return outcome;
  const received = await startOf(call, attempt, outcome.received);
  return "failure" in received ? { kind: "failed", ...received } : { ...outcome, received };
}

type Start = Received | NoAnswer;

function startOf(call: Call, attempt: Attempt, received: Received): Promise<Start> {
  switch (received.kind) {
    case "bytes":
      return bytes(call, attempt, received);
    case "events":
      return events(call, attempt, received);
    case "unstreamed":
      return unstreamed(call, attempt, received);
    case "vectors":
      return vectors(received);
  }
}

type Of<Kind extends Received["kind"]> = Extract<Received, { kind: Kind }>;

async function bytes(call: Call, attempt: Attempt, received: Of<"bytes">): Promise<Start> {
  const { answer } = received;
  const { meter } = call.endpoint;
  if (saysJson(answer) || !(meter || call.isStream)) return wholeBytes(call, attempt, received);
  if (!meter && isEventStream(answer)) return streamedBytes(call, attempt, received);
  const isLarge = meter && (isEventStream(answer) || meter.pipes(call.sent, typeOf(answer)));
  if (isLarge) return received;
  answer.abort();
  return { failure: meter ? noJson : noStream };
}

const noJson: CallFailure = { kind: "foreign", reason: "something that is not JSON" };
const noStream: CallFailure = { kind: "foreign", reason: "something that is no event stream" };

async function wholeBytes(call: Call, attempt: Attempt, { answer }: Of<"bytes">): Promise<Start> {
  const body = await collect(answer, maxReplyBytes);
  if (!Buffer.isBuffer(body)) return { failure: body };
  const { status, headers } = answer;
  const whole: Start = { kind: "bytes", answer: wholeAnswer({ status, headers, body }) };
  // Whoever writes the reply looks at it again: only what is short enough for an error is worth looking at twice.
  if (body.length > mostErrorBytes) return whole;
  const read = readWhole(body, answer, undefined, call.endpoint.native.readUsage);
  if (read.kind !== "complete") return { failure: noJson };
  if (consumes(read.usage)) return whole;
  if (read.error) return noAnswerFor(read.error, call, attempt) ?? whole;
  return call.isStream && !call.endpoint.meter ? { failure: noStream } : whole;
}

async function streamedBytes(
  call: Call,
  attempt: Attempt,
  { answer }: Of<"bytes">,
): Promise<Start> {
  const start = new ReadAhead(answer, { ...judgesOfBytes(call, attempt), longestMs });
  const none = await start.outcome;
  if (none) return none;
  attempt.firstByteAtMs = start.firstPieceAtMs;
  const { status, headers } = answer;
  const read = (reader: Reader<Buffer>) => start.read(reader);
  return { kind: "bytes", answer: { status, headers, read, abort: () => start.abort() } };
}

async function events(call: Call, attempt: Attempt, received: Of<"events">): Promise<Start> {
  const { isStream } = call;
  const judges = (isStream ? judgesOfEvents : judgesOfAll)(call, attempt);
  const source = new ReadAhead(received.source, {
    ...judges,
    longestMs: isStream ? longestMs : undefined,
  });
  const none = await source.outcome;
  if (none) return none;
  if (isStream) attempt.firstByteAtMs = source.firstPieceAtMs;
  return { kind: "events", source };
}

async function unstreamed(
  call: Call,
  attempt: Attempt,
  received: Of<"unstreamed">,
): Promise<Start> {
  const all = await received.read();
  const isTold = all.some(({ type }) => type === "error");
  if (!isTold && !consumes(usageOf(all))) return { failure: noStream };
  const verdict = verdictOnAll(all, call, attempt);
  return verdict === "started" ? { kind: "unstreamed", read: () => Promise.resolve(all) } : verdict;
}

async function vectors({ read }: Of<"vectors">): Promise<Start> {
  const embeddings = await read();
  if ("kind" in embeddings) return { failure: embeddings };
  return { kind: "vectors", read: () => Promise.resolve(embeddings) };
}
