import type { CallFailure } from "./call.ts";
import type { ModelEvent } from "./model-event.ts";

/** What reads a model's answer: events as they come, then one end or one failure. */
export interface EventReader {
  /** False asks for a pause, until `resume` is called. */
  onEvents(events: readonly ModelEvent[], resume: () => void): boolean;
  onEnd(): void;
  onFailure(failure: CallFailure): void;
}

/** An answer that arrives as events, whoever decodes it. */
export interface EventSource {
  /** Hands the answer over, what has arrived meanwhile first. To be called once. */
  read(reader: EventReader): void;
  /** Ends the call at once, upstream included: the reader is told of a failure of kind `aborted`. */
  abort(): void;
}
