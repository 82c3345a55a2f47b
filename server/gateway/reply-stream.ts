import { Buffer } from "node:buffer";
import { performance } from "node:perf_hooks";
import type { Usage } from "../../shared/spend.ts";
import type { NativeFormat } from "../dialects/dialect.ts";
import type { CallFailure, Reader } from "../providers/source.ts";
import type { Attempt, Call } from "./call.ts";
import { EscapedText } from "../wire/escaped-text.ts";
import { isValue, type Span } from "../wire/span.ts";
import { parseJson } from "../providers/json.ts";
import { dataOf, SseEvents } from "../wire/sse-events.ts";
import { errorInEvent, payloadOf, toldError } from "./told-error.ts";
import { failureOfCall } from "./upstream-error.ts";
import { writeChunk } from "./write-chunk.ts";

/** Whether an event lacks nothing but the blank line that ends it. Half an event is of use to no client. */
export function isWhole(rest: Buffer): boolean {
  const { start, end } = dataOf(rest, { start: 0, end: rest.length });
  const data = rest.toString("utf8", start, end).trim();
  return data === "[DONE]" || parseJson(data) !== undefined;
}

/** How a stream ended, and what was seen of it. */
export interface StreamEnd {
  readonly failure: CallFailure | undefined;
  readonly usage: Usage | undefined;
  /** What was reported of the beginning of a reply that was not heard to the end. */
  readonly usageSoFar?: Usage | undefined;
  /** What was generated. Only needed, and only complete, where no usage was reported. */
  readonly text: string;
  /** What the client is still to be sent, once the stream has been accounted for: it is what tells that the reply is whole. */
  readonly tail: Buffer | string | undefined;
  /** On the monotonic clock; undefined where nothing came. */
  readonly firstByteAtMs: number | undefined;
}

/**
 * Passes an event stream on in the format in which it comes, a write for each chunk that came. Events go through as they are, but for the name of
 * the model, and the usage, which a client sees only if it asked.
 */
export class StreamReply implements Reader<Buffer> {
  readonly finished: Promise<StreamEnd>;
  readonly #call: Call;
  readonly #attempt: Attempt;
  readonly #model: Buffer | undefined;
  readonly #events = new SseEvents();
  readonly #native: NativeFormat;
  readonly #readEvent: ReturnType<NativeFormat["createReader"]>;
  #finish: (end: StreamEnd) => void = () => undefined;
  #usage: Usage | undefined;
  #isUsageSoFar = false;
  readonly #text = new EscapedText();
  #firstByteAtMs: number | undefined;
  #isDone = false;
  /** The event that says so, and what came with it. */
  #end: Buffer | string | undefined;
  /** An event that told of an error. */
  #told: CallFailure | undefined;
  /** It has been concluded: what still comes is of no interest. */
  #isOver = false;

  /** `model`: the name that replaces the upstream's, as JSON; undefined leaves it. */
  constructor(call: Call, attempt: Attempt, model: Buffer | undefined) {
    this.#call = call;
    this.#attempt = attempt;
    this.#model = model;
    this.#native = call.endpoint.native;
    this.#readEvent = this.#native.createReader();
    this.finished = new Promise((resolve) => {
      this.#finish = resolve;
    });
  }

  onData(chunk: Buffer, resume: () => void): boolean {
    if (this.#isOver) return true;
    this.#firstByteAtMs ??= performance.now();
    try {
      const isTaken = writeChunk(this.#call.response, this.#pass(chunk), resume);
      if (this.#isDone && !this.#told) this.#conclude(undefined, this.#end);
      return isTaken;
    } catch (thrown) {
      this.#failOn(thrown);
      return true;
    }
  }

  onEnd(): void {
    if (this.#isOver) return;
    try {
      const { rest } = this.#events;
      if (isWhole(rest))
        writeChunk(this.#call.response, this.#pass(Buffer.from("\n\n")), () => undefined);
      else if (rest.length > 0)
        return this.onFailure({ kind: "broken", reason: "the stream ended within an event" });
      if (this.#told) this.#conclude(this.#told);
      else if (this.#isDone) this.#conclude(undefined, this.#end);
      else if (this.#native.missingEnd !== undefined)
        this.#conclude(undefined, this.#native.missingEnd);
      else this.onFailure({ kind: "broken", reason: "the stream ended before the reply did" });
    } catch (thrown) {
      this.#failOn(thrown);
    }
  }

  onFailure(failure: CallFailure): void {
    if (this.#isOver) return;
    // The client knows: however the rest of such a stream ends, that is why it failed.
    if (this.#told) return this.#conclude(this.#told);
    const { error } = failureOfCall(failure, this.#call.asked);
    this.#conclude(
      failure,
      failure.kind === "aborted" ? undefined : this.#native.errorEvent(error),
    );
  }

  /** Nothing may be thrown to who drives a reader: it would take it for a fault of the connection, or of nobody. */
  #failOn(thrown: unknown): void {
    const reason =
      thrown instanceof Error ? thrown.message : "something that is no Error was thrown";
    this.onFailure({ kind: "broken", reason });
  }

  #conclude(failure: CallFailure | undefined, tail?: Buffer | string): void {
    this.#isOver = true;
    const usage = this.#isUsageSoFar ? undefined : this.#usage;
    const text = usage ? "" : this.#text.toString();
    const firstByteAtMs = this.#firstByteAtMs;
    this.#finish({ failure, usage, usageSoFar: this.#usage, text, tail, firstByteAtMs });
  }

  /** The bytes that go on to the client: those that came, where nothing in them is to change. */
  #pass(chunk: Buffer): Buffer {
    const pieces: Buffer[] = [];
    let copied = 0;
    let endsAt: number | undefined;
    let renamedAt: Span | undefined;
    const whole = this.#events.push(chunk, (bytes, start, end) => {
      if (this.#isDone) return;
      const { model, isDone, isHidden } = this.#read(bytes, start, end);
      if (isDone) {
        endsAt = start;
        renamedAt = model;
      }
      if (isHidden) {
        pieces.push(bytes.subarray(copied, start));
        copied = end;
      } else if (model && this.#model && !isValue(bytes, model, this.#model)) {
        pieces.push(bytes.subarray(copied, model.start), this.#model);
        copied = model.end;
      }
    });
    if (endsAt !== undefined) this.#end = this.#renamed(whole, endsAt, renamedAt);
    if (copied === 0) return whole;
    if (!this.#isDone) pieces.push(whole.subarray(copied));
    return Buffer.concat(pieces);
  }

  /** From a place on, with the model's name as the client knows it. */
  #renamed(bytes: Buffer, from: number, model: Span | undefined): Buffer {
    if (!model || !this.#model) return bytes.subarray(from);
    return Buffer.concat([
      bytes.subarray(from, model.start),
      this.#model,
      bytes.subarray(model.end),
    ]);
  }

  #toldIn(bytes: Buffer, event: Span): CallFailure {
    return toldError(errorInEvent(payloadOf(bytes, event)), this.#call, this.#attempt).failure;
  }

  #read(bytes: Buffer, start: number, end: number) {
    const event = this.#readEvent(bytes, { start, end }, this.#text);
    if (event.usage) {
      this.#usage = event.usage;
      this.#isUsageSoFar = event.isUsageSoFar === true;
    }
    this.#isDone ||= event.isDone;
    if (event.isError) this.#told ??= this.#toldIn(bytes, { start, end });
    // The end is sent once the stream is accounted for, and never where it failed, whatever its upstream says.
    return {
      model: event.model,
      isDone: event.isDone,
      isHidden: event.isDone || (event.isUsageOnly && !this.#call.showsUsage),
    };
  }
}
