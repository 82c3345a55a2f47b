import type { LanguageModelV3StreamPart } from "@ai-sdk/provider";
import type { CallFailure } from "../source.ts";
import type { EventReader, EventSource } from "../model-event.ts";
import { callFailureOf } from "./failure.ts";
import type { Interruption } from "./interruption.ts";
import { createPartReader } from "./read-part.ts";

const cutOff: CallFailure = { kind: "broken", reason: "the answer ended before its finish" };

/** An answer as a package streams it. A part is asked for only when the reader wants more, so that the upstream waits too. */
export class PartStream implements EventSource {
  readonly #parts: ReadableStreamDefaultReader<LanguageModelV3StreamPart>;
  readonly #interruption: Interruption;
  /** Read ahead, to see whether there is an answer at all. */
  readonly #first: LanguageModelV3StreamPart;

  constructor(
    parts: ReadableStreamDefaultReader<LanguageModelV3StreamPart>,
    first: LanguageModelV3StreamPart,
    interruption: Interruption,
  ) {
    this.#parts = parts;
    this.#first = first;
    this.#interruption = interruption;
  }

  read(reader: EventReader): void {
    void this.#run(reader);
  }

  abort(): void {
    this.#interruption.abort();
  }

  async #run(reader: EventReader): Promise<void> {
    const failure = await this.#deliver(reader).catch(
      (thrown: unknown) => this.#interruption.failure ?? callFailureOf(thrown),
    );
    this.#interruption.end();
    // What an upstream still has to say after an error is nobody's.
    this.#parts.cancel().catch(() => undefined);
    if (failure) reader.onFailure(failure);
    else reader.onEnd();
  }

  async #deliver(reader: EventReader): Promise<CallFailure | undefined> {
    const eventsOf = createPartReader();
    let part: LanguageModelV3StreamPart | undefined = this.#first;
    while (part !== undefined) {
      if (isCutOff(part)) return cutOff;
      const events = eventsOf(part);
      if (events.length > 0) await this.#hand(reader, events);
      if (part.type === "finish" || part.type === "error") return undefined;
      ({ value: part } = await this.#interruption.within(this.#parts.read()));
    }
    return cutOff;
  }

  async #hand(reader: EventReader, events: Parameters<EventReader["onData"]>[0]): Promise<void> {
    let isWanted = true;
    const resumed = new Promise<void>((resolve) => {
      isWanted = reader.onData(events, resolve);
    });
    // A reader that pauses may take its time: this is no silence of the upstream.
    if (!isWanted) await this.#interruption.unlessInterrupted(resumed);
  }
}

/** Packages close every stream with a `finish`, also one that the upstream cut off: then it has no reason of the upstream's. */
function isCutOff(part: LanguageModelV3StreamPart): boolean {
  return (
    part.type === "finish" &&
    part.finishReason.unified === "other" &&
    part.finishReason.raw === undefined
  );
}
