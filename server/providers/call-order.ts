import { parseJson } from "./json.ts";
import type { ModelEvent } from "./model-event.ts";

/**
 * Puts what a model says in the order that `ModelEvent` promises, where an upstream interleaves its calls: whatever comes
 * before the arguments of the call under way are whole waits until they are, or until the reply ends.
 *
 * Whether they are is asked only when something else comes, and of each call once: asked at every piece, long arguments would
 * be parsed over and over.
 */
export class CallOrder {
  /** The call under way: what belongs to it goes on as it comes. */
  #open: { readonly index: number; json: string } | undefined;
  /** What waits: a call with its arguments, or a piece of something else. */
  #waiting: ModelEvent[][] = [];
  readonly #waitingCalls = new Map<number, ModelEvent[]>();

  arrange(events: readonly ModelEvent[]): readonly ModelEvent[] {
    const arranged: ModelEvent[] = [];
    for (const event of events) this.#place(event, arranged);
    return arranged;
  }

  #place(event: ModelEvent, arranged: ModelEvent[]): void {
    switch (event.type) {
      case "start":
      case "usage":
        arranged.push(event);
        return;
      case "tool-arguments-delta":
        return this.#placeArguments(event, arranged);
      case "finish":
      case "error":
        for (const waiting of this.#waiting) for (const earlier of waiting) arranged.push(earlier);
        this.#forget();
        arranged.push(event);
        return;
      default:
        return this.#placeNext(event, arranged);
    }
  }

  /** Those of a call that was whole are no part of it. */
  #placeArguments(
    event: Extract<ModelEvent, { type: "tool-arguments-delta" }>,
    arranged: ModelEvent[],
  ): void {
    if (this.#open?.index !== event.index) {
      this.#waitingCalls.get(event.index)?.push(event);
      return;
    }
    this.#open.json += event.json;
    arranged.push(event);
  }

  /** A call, or what is no part of one: either ends the call under way. */
  #placeNext(event: ModelEvent, arranged: ModelEvent[]): void {
    const isCall = event.type === "tool-call";
    if (this.#isBusy()) {
      const waiting = [event];
      this.#waiting.push(waiting);
      if (isCall) this.#waitingCalls.set(event.index, waiting);
      return;
    }
    this.#open = isCall ? { index: event.index, json: "" } : undefined;
    arranged.push(event);
  }

  #isBusy(): boolean {
    if (this.#waiting.length > 0) return true;
    return this.#open !== undefined && parseJson(this.#open.json) === undefined;
  }

  #forget(): void {
    this.#open = undefined;
    this.#waiting = [];
    this.#waitingCalls.clear();
  }
}
