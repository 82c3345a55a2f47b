import { Buffer } from "node:buffer";
import { performance } from "node:perf_hooks";
import type { Usage } from "../../shared/spend.ts";
import type { StreamEncoder } from "../dialects/dialect.ts";
import type { CallFailure } from "../providers/source.ts";
import type { EventReader, ModelEvent } from "../providers/model-event.ts";
import type { Attempt, Call } from "./call.ts";
import { textOfEvent } from "./generated.ts";
import type { StreamEnd } from "./reply-stream.ts";
import { errorOfModel, toldError } from "./told-error.ts";
import { failureOfCall } from "./upstream-error.ts";
import { writeChunk } from "./write-chunk.ts";

/** Writes what a model says to the client in its format, a write for each chunk that came. */
export class EventStream implements EventReader {
  readonly finished: Promise<StreamEnd>;
  readonly #call: Call;
  readonly #attempt: Attempt;
  readonly #encoder: StreamEncoder;
  #finish: (end: StreamEnd) => void = () => undefined;
  #usage: Usage | undefined;
  #text = "";
  #firstByteAtMs: number | undefined;
  #hasFinish = false;
  /** It has been concluded: what still comes is of no interest. */
  #isOver = false;

  constructor(call: Call, attempt: Attempt, encoder: StreamEncoder) {
    this.#call = call;
    this.#attempt = attempt;
    this.#encoder = encoder;
    this.finished = new Promise((resolve) => {
      this.#finish = resolve;
    });
  }

  onData(events: readonly ModelEvent[], resume: () => void): boolean {
    if (this.#isOver) return true;
    this.#firstByteAtMs ??= performance.now();
    try {
      return writeChunk(this.#call.response, Buffer.from(this.#encode(events)), resume);
    } catch (thrown) {
      this.#failWith(thrown);
      return true;
    }
  }

  /** A model that was not done is one that broke off, however politely its connection ended. */
  onEnd(): void {
    if (this.#isOver) return;
    if (!this.#hasFinish)
      return this.onFailure({ kind: "broken", reason: "the stream ended before the reply did" });
    try {
      this.#conclude(undefined, this.#encoder.end());
    } catch (thrown) {
      this.#failWith(thrown);
    }
  }

  onFailure(failure: CallFailure): void {
    if (this.#isOver) return;
    const { error } = failureOfCall(failure, this.#call.asked);
    this.#conclude(failure, failure.kind === "aborted" ? undefined : this.#encoder.fail(error));
  }

  /** Nothing may be thrown to who drives a reader: it would take it for a fault of the connection, or of nobody. */
  #failWith(thrown: unknown): void {
    const reason =
      thrown instanceof Error ? thrown.message : "something that is no Error was thrown";
    this.onFailure({ kind: "broken", reason });
  }

  #encode(events: readonly ModelEvent[]): string {
    let text = "";
    for (const event of events) {
      if (event.type === "error") {
        this.#failOn(event);
        return text;
      }
      if (event.type === "usage") this.#usage = event.usage;
      else if (event.type === "finish") this.#hasFinish = true;
      else this.#text += textOfEvent(event);
      text += this.#encoder.encode(event);
    }
    return text;
  }

  #failOn(event: Extract<ModelEvent, { type: "error" }>): void {
    const { failure, error } = toldError(errorOfModel(event), this.#call, this.#attempt);
    this.#conclude(failure, this.#encoder.fail(error));
  }

  #conclude(failure: CallFailure | undefined, tail: string | undefined): void {
    this.#isOver = true;
    const usage = this.#hasFinish ? this.#usage : undefined;
    const text = usage ? "" : this.#text;
    const firstByteAtMs = this.#firstByteAtMs;
    this.#finish({ failure, usage, usageSoFar: this.#usage, text, tail, firstByteAtMs });
  }
}
