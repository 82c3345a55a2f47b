import type { Usage } from "../../shared/spend.ts";
import type { Adapter, Embeddings } from "../providers/adapter.ts";
import { collect } from "../providers/body.ts";
import type { Answer } from "../providers/call.ts";
import type { CallFailure } from "../providers/source.ts";
import { isEventStream, saysJson } from "../providers/content-type.ts";
import { decodeAnswer } from "../providers/decode-answer.ts";
import type { EventSource, ModelEvent } from "../providers/model-event.ts";
import type { LibraryFailure, LibraryLimits, LibrarySend } from "../providers/library.ts";
import { parseJson } from "../providers/json.ts";
import { mockAnswer } from "../providers/mock.ts";
import { wholeAnswer } from "../providers/whole-answer.ts";
import type { Attempt, Call } from "./call.ts";
import type { Gateway } from "./gateway.ts";
import type { Outgoing } from "./outgoing.ts";
import type { NoAnswer } from "./read-ahead.ts";

/** What an upstream that took a call sends: bytes in the client's own format, what its model says, or vectors. */
export type Received =
  | { readonly kind: "bytes"; readonly answer: Answer }
  | { readonly kind: "events"; readonly source: EventSource }
  /** A stream was asked for, and something else came: what it says of its usage, or of an error, is all that counts of it. */
  | { readonly kind: "unstreamed"; readonly read: () => Promise<readonly ModelEvent[]> }
  | {
      readonly kind: "vectors";
      readonly read: () => Promise<Embeddings | CallFailure>;
    };

/** `usage`: what was consumed though it failed. */
export type Outcome =
  | { readonly kind: "received"; readonly received: Received; readonly dropped: readonly string[] }
  | { readonly kind: "refused"; readonly answer: Answer; readonly usage?: Usage | undefined }
  | ({ readonly kind: "failed"; readonly usage?: Usage | undefined } & NoAnswer)
  | Extract<LibraryFailure, { kind: "inexpressible" }>;

/** Sends a request on its way and waits for the head of its answer. */
export function send(
  gateway: Gateway,
  call: Call,
  { attempt, outgoing }: { attempt: Attempt; outgoing: Outgoing },
): Promise<Outcome> {
  switch (outgoing.kind) {
    case "bytes":
      return sendBytes(gateway, call, { attempt, outgoing });
    case "library-chat":
      return sendByLibrary(outgoing, limitsOf(call, attempt), (source) => ({
        kind: "events",
        source,
      }));
    case "library-embedding":
      return sendByLibrary(outgoing, limitsOf(call, attempt), (vectors) => ({
        kind: "vectors",
        read: () => Promise.resolve(vectors),
      }));
  }
}

type OutgoingBytes = Extract<Outgoing, { kind: "bytes" }>;

function sendBytes(
  gateway: Gateway,
  call: Call,
  sending: { attempt: Attempt; outgoing: OutgoingBytes },
): Promise<Outcome> {
  const { attempt, outgoing } = sending;
  const outcomeOf = (answer: Answer | CallFailure) => outcomeOfBytes(call, outgoing, answer);
  return attempt.deployment.mockResponse === undefined
    ? transmit(gateway, call, sending).then(outcomeOf)
    : Promise.resolve(outcomeOf(mockOf(call, attempt, outgoing)));
}

function outcomeOfBytes(
  call: Call,
  { adapter, dropped }: OutgoingBytes,
  answer: Answer | CallFailure,
): Outcome {
  if (!("status" in answer)) return { kind: "failed", failure: answer };
  if (answer.status < 200 || answer.status > 299) return { kind: "refused", answer };
  return { kind: "received", received: receive(call, answer, adapter), dropped };
}

function transmit(
  { transport }: Gateway,
  call: Call,
  { attempt, outgoing }: { attempt: Attempt; outgoing: OutgoingBytes },
): Promise<Answer | CallFailure> {
  const { path, headers, body, adapter } = outgoing;
  // A reply that passes through is written without a look at what was asked.
  if (!adapter && !call.endpoint.meter) call.sent.fold();
  return transport.send(
    attempt.deployment.origin,
    { path, headers, body, timeoutMs: timeoutOf(call, attempt) },
    (abort) => call.client.whenGone(abort),
  );
}

function timeoutOf({ isStream }: Call, { deployment }: Attempt): number {
  return isStream ? deployment.streamTimeoutMs : deployment.timeoutMs;
}

/** A mock answers in OpenAI's format, as an upstream would: to a request of another format, what that became. */
function mockOf(
  { endpoint, sent }: Call,
  { deployment }: Attempt,
  { adapter, body }: OutgoingBytes,
): Answer {
  return mockAnswer({
    text: deployment.mockResponse ?? "",
    model: deployment.upstreamModel,
    route: adapter ? "chat/completions" : endpoint.name,
    request: adapter ? (JSON.parse(body.toString()) as Record<string, unknown>) : sent.request,
    bodyBytes: sent.bodyBytes,
  });
}

function receive({ isStream, endpoint }: Call, answer: Answer, adapter?: Adapter): Received {
  if (!adapter) return { kind: "bytes", answer };
  if (endpoint.dialect && isStream && !isEventStream(answer))
    return { kind: "unstreamed", read: () => readUnstreamed(answer, adapter) };
  if (endpoint.dialect) return { kind: "events", source: decodeAnswer(answer, adapter, isStream) };
  return { kind: "vectors", read: () => readVectors(answer, adapter) };
}

/** An upstream that answered with a whole reply did its work, and says for how much. */
async function readUnstreamed(answer: Answer, adapter: Adapter): Promise<readonly ModelEvent[]> {
  if (!saysJson(answer)) {
    answer.abort();
    return [];
  }
  const body = await collect(answer, maxReplyBytes);
  return Buffer.isBuffer(body) ? adapter.decodeReply(parseJson(body.toString())) : [];
}

const maxReplyBytes = 64 * 1024 * 1024;

/** The largest batches of embeddings are of this order. */
const maxVectorBytes = 256 * 1024 * 1024;

async function readVectors(
  answer: Answer,
  { embeddings }: Adapter,
): Promise<Embeddings | CallFailure> {
  const body = await collect(answer, maxVectorBytes);
  if (!Buffer.isBuffer(body)) return body;
  return (
    embeddings?.decode(parseJson(body.toString())) ?? {
      kind: "foreign",
      reason: "no embeddings in the answer",
    }
  );
}

/** Until when a package may be at work: it makes its own connection. */
function limitsOf(call: Call, attempt: Attempt): LibraryLimits {
  const abort = new AbortController();
  call.client.whenGone(() => abort.abort());
  return { signal: abort.signal, timeoutMs: timeoutOf(call, attempt) };
}

async function sendByLibrary<Kind>(
  outgoing: { readonly send: LibrarySend<Kind>; readonly dropped: readonly string[] },
  limits: LibraryLimits,
  receivedOf: (answer: Kind) => Received,
): Promise<Outcome> {
  const outcome = await outgoing.send(limits);
  switch (outcome.kind) {
    case "answer":
      return {
        kind: "received",
        received: receivedOf(outcome.answer),
        dropped: [...outgoing.dropped, ...outcome.dropped],
      };
    case "refused":
      return { kind: "refused", answer: wholeAnswer(outcome), usage: outcome.usage };
    case "failed":
    case "inexpressible":
      return outcome;
  }
}
