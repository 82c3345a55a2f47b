import type { Usage } from "../../shared/spend.ts";
import { errorBodyOf } from "../errors.ts";
import type { BodyReader, CallFailure } from "../providers/call.ts";
import type { Call } from "./call.ts";
import { EscapedText } from "./escaped-text.ts";
import { isValue } from "./json-members.ts";
import { SseEvents } from "./sse-events.ts";
import { readStreamEvent } from "./stream-event.ts";
import { failureOfCall } from "./upstream-error.ts";
import { asksForUsage } from "./upstream-request.ts";

/** How a stream ended, and what was seen of it. */
export interface StreamEnd {
  readonly failure: CallFailure | undefined;
  readonly usage: Usage | undefined;
  /** What was generated. Only needed, and only complete, where no usage was reported. */
  readonly text: string;
}

const done = Buffer.from("data: [DONE]\n\n");

/**
 * Passes an OpenAI event stream on, a write for each chunk that came. Events go through as they are, but for the name of
 * the model, and the usage, which a client sees only if it asked.
 */
export class StreamReply implements BodyReader {
  readonly finished: Promise<StreamEnd>;
  readonly #call: Call;
  readonly #model: Buffer | undefined;
  readonly #showsUsage: boolean;
  readonly #events = new SseEvents();
  #finish: (end: StreamEnd) => void = () => undefined;
  #usage: Usage | undefined;
  readonly #text = new EscapedText();
  #isDone = false;
  #hasError = false;
  /** It has been concluded: what still comes is of no interest. */
  #isOver = false;

  /** `model`: the name that replaces the upstream's; undefined leaves it. */
  constructor(call: Call, model: string | undefined) {
    this.#call = call;
    this.#model = model === undefined ? undefined : Buffer.from(JSON.stringify(model));
    this.#showsUsage = asksForUsage(call.request);
    this.finished = new Promise((resolve) => {
      this.#finish = resolve;
    });
  }

  onData(chunk: Buffer, resume: () => void): boolean {
    if (this.#isOver) return true;
    const { response } = this.#call;
    try {
      const passed = this.#pass(chunk);
      if (passed.length === 0 || response.destroyed || response.write(passed)) return true;
      response.once("drain", resume);
      return false;
    } catch (thrown) {
      this.#failOn(thrown);
      return true;
    }
  }

  onEnd(): void {
    if (this.#isOver) return;
    const { response } = this.#call;
    try {
      if (this.#events.isMidEvent) response.write(this.#pass(Buffer.from("\n\n")));
      response.end(this.#isDone || this.#hasError ? undefined : done);
      this.#conclude(
        this.#hasError ? { kind: "broken", reason: "error in the stream" } : undefined,
      );
    } catch (thrown) {
      this.#failOn(thrown);
    }
  }

  onFailure(failure: CallFailure): void {
    if (this.#isOver) return;
    const { response, asked } = this.#call;
    if (failure.kind !== "aborted")
      response.end(`data: ${JSON.stringify(errorBodyOf(failureOfCall(failure, asked).error))}\n\n`);
    this.#conclude(failure);
  }

  /** Nothing may be thrown to who drives a reader: it would take it for a fault of the connection, or of nobody. */
  #failOn(thrown: unknown): void {
    const reason =
      thrown instanceof Error ? thrown.message : "something that is no Error was thrown";
    this.onFailure({ kind: "broken", reason });
  }

  #conclude(failure: CallFailure | undefined): void {
    this.#isOver = true;
    this.#finish({ failure, usage: this.#usage, text: this.#usage ? "" : this.#text.toString() });
  }

  /** The bytes that go on to the client: those that came, where nothing in them is to change. */
  #pass(chunk: Buffer): Buffer {
    const pieces: Buffer[] = [];
    let copied = 0;
    const whole = this.#events.push(chunk, (bytes, start, end) => {
      const { model, isHidden } = this.#read(bytes, start, end);
      if (isHidden) {
        pieces.push(bytes.subarray(copied, start));
        copied = end;
      } else if (model && this.#model && !isValue(bytes, model, this.#model)) {
        pieces.push(bytes.subarray(copied, model.start), this.#model);
        copied = model.end;
      }
    });
    if (copied === 0) return whole;
    pieces.push(whole.subarray(copied));
    return Buffer.concat(pieces);
  }

  #read(bytes: Buffer, start: number, end: number) {
    const event = readStreamEvent(bytes, { start, end }, this.#text);
    this.#usage = event.usage ?? this.#usage;
    this.#isDone ||= event.isDone;
    this.#hasError ||= event.isError;
    // A stream that failed is not to look finished, although its upstream says so.
    const isFalseEnd = event.isDone && this.#hasError;
    return { model: event.model, isHidden: isFalseEnd || (event.isUsageOnly && !this.#showsUsage) };
  }
}
