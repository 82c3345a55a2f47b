import type { Buffer } from "node:buffer";
import type { NativeFormat } from "../dialects/dialect.ts";
import { isEventStream } from "../providers/content-type.ts";
import type { ModelEvent } from "../providers/model-event.ts";
import type { CallFailure, Reader, Source } from "../providers/source.ts";
import { EscapedText } from "../wire/escaped-text.ts";
import { SseEvents } from "../wire/sse-events.ts";
import type { Attempt, Call } from "./call.ts";
import type { Outcome } from "./send.ts";
import { errorInEvent, errorOf, type ToldError } from "./told-error.ts";

/** How long the head of a stream is kept from its client at most, who may take it for a connection that died. */
const longestMs = 5_000;

/** How much of a stream that says nothing is kept. */
const mostBytes = 64 * 1024;

/**
 * Waits until a stream has said something, or has failed: until then it has cost nothing, its client has been sent nothing, and
 * another deployment can be tried. What waiting has read is not lost. An error that is of the request's making goes on to the client
 * as it came.
 */
export async function orFailed(call: Call, attempt: Attempt, outcome: Outcome): Promise<Outcome> {
  if (outcome.kind !== "received" || call.endpoint.meter) return outcome;
  const { received } = outcome;
  if (received.kind === "bytes" && isEventStream(received.answer)) {
    const { answer } = received;
    const start = new StreamStart(answer, judgeOfBytes(call.endpoint.native, attempt));
    const failure = await start.outcome;
    const { status, headers } = answer;
    const read = (reader: Reader<Buffer>) => start.read(reader);
    const abort = () => answer.abort();
    return failure
      ? { kind: "failed", failure }
      : { ...outcome, received: { kind: "bytes", answer: { status, headers, read, abort } } };
  }
  if (received.kind === "events") {
    const source = new StreamStart(received.source, (events) => verdictOn(events, attempt));
    const failure = await source.outcome;
    return failure
      ? { kind: "failed", failure }
      : { ...outcome, received: { kind: "events", source } };
  }
  return outcome;
}

/** What a piece of a stream shows: nothing yet, that there is an answer, or that there will be none. */
type Verdict = "nothing" | "started" | CallFailure;

/** A stream that is read ahead until its pieces show what will come of it, and then read as if it had not been. */
class StreamStart<Piece> implements Source<Piece>, Reader<Piece> {
  /** Why there is no stream; undefined once there is one. */
  readonly outcome: Promise<CallFailure | undefined>;
  readonly #source: Source<Piece>;
  readonly #judge: (piece: Piece) => Verdict;
  readonly #timer = setTimeout(() => this.#conclude(undefined), longestMs);
  #conclude: (failure: CallFailure | undefined) => void = () => undefined;
  #pieces: Piece[] = [];
  #end: "ended" | CallFailure | undefined;
  #reader: Reader<Piece> | undefined;

  constructor(source: Source<Piece>, judge: (piece: Piece) => Verdict) {
    this.#source = source;
    this.#judge = judge;
    this.outcome = new Promise((resolve) => {
      this.#conclude = (failure) => {
        clearTimeout(this.#timer);
        resolve(failure);
      };
    });
    source.read(this);
  }

  onData(piece: Piece, resume: () => void): boolean {
    if (this.#reader) return this.#reader.onData(piece, resume);
    this.#pieces.push(piece);
    const verdict = this.#verdictOn(piece);
    if (verdict === "started") this.#conclude(undefined);
    else if (verdict !== "nothing") {
      this.#conclude(verdict);
      this.abort();
    }
    return true;
  }

  /** What cannot be read is for who writes the reply to tell. */
  #verdictOn(piece: Piece): Verdict {
    try {
      return this.#judge(piece);
    } catch {
      return "started";
    }
  }

  /** A stream that ends before it has said anything: what its client is owed is for who writes the reply to say. */
  onEnd(): void {
    if (this.#reader) return this.#reader.onEnd();
    this.#end = "ended";
    this.#conclude(undefined);
  }

  onFailure(failure: CallFailure): void {
    if (this.#reader) return this.#reader.onFailure(failure);
    this.#end = failure;
    this.#conclude(failure);
  }

  read(reader: Reader<Piece>): void {
    this.#reader = reader;
    // The source was not paused for these, and need not be resumed.
    for (const piece of this.#pieces) reader.onData(piece, () => undefined);
    this.#pieces = [];
    if (this.#end === "ended") reader.onEnd();
    else if (this.#end) reader.onFailure(this.#end);
  }

  abort(): void {
    this.#source.abort();
  }
}

function judgeOfBytes(native: NativeFormat, attempt: Attempt): (chunk: Buffer) => Verdict {
  const events = new SseEvents();
  const readEvent = native.createReader();
  const text = new EscapedText();
  let kept = 0;
  return (chunk) => {
    let verdict: Verdict = "nothing";
    kept += chunk.length;
    events.push(chunk, (bytes, start, end) => {
      if (verdict !== "nothing") return;
      const event = readEvent(bytes, { start, end }, text);
      if (event.isError) verdict = verdictOf(errorInEvent(bytes, { start, end }, attempt));
      else if (event.isDone || event.usage || !text.isEmpty) verdict = "started";
    });
    return kept > mostBytes && verdict === "nothing" ? "started" : verdict;
  };
}

function verdictOn(events: readonly ModelEvent[], attempt: Attempt): Verdict {
  const telling = events.find((event) => event.type !== "start");
  if (!telling) return "nothing";
  return telling.type === "error" ? verdictOf(errorOf(telling, attempt)) : "started";
}

function verdictOf({ failure, isOfRequest }: ToldError): Verdict {
  return isOfRequest ? "started" : failure;
}
