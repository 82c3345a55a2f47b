import type { CallFailure } from "../source.ts";
import type { EventReader, EventSource, ModelEvent } from "../model-event.ts";

const aborted: CallFailure = { kind: "aborted", reason: "client gone" };

/** An answer that is here already, all of it. */
export class WholeAnswer implements EventSource {
  readonly #events: readonly ModelEvent[];
  #reader: EventReader | undefined;
  #isOver = false;

  constructor(events: readonly ModelEvent[]) {
    this.#events = events;
  }

  read(reader: EventReader): void {
    if (this.#isOver) return reader.onFailure(aborted);
    this.#reader = reader;
    if (reader.onData(this.#events, () => this.#finish())) this.#finish();
  }

  abort(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#reader?.onFailure(aborted);
  }

  #finish(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#reader?.onEnd();
  }
}
