import type { Worker } from "node:cluster";
import { within } from "./deadline.ts";
import type { MetricsSnapshot } from "./metrics/metrics.ts";
import type { PrimaryMessage, WorkerMessage } from "./worker-messages.ts";

/** A worker that is too busy to answer for so long is told of as it was when it last did. */
const answerTimeoutMs = 3_000;

/**
 * Adds up what workers count, for whichever of them is asked.
 *
 * What was counted by those that are gone stays in the sum, as of when they were last asked: to Prometheus a counter that
 * goes down has started anew, and all that it still shows has happened since.
 */
export class WorkerMetrics {
  readonly #latest = new Map<Worker, MetricsSnapshot>();
  readonly #awaited = new Map<Worker, () => void>();
  #departed: MetricsSnapshot[] = [];
  #gathering: Promise<string> | undefined;

  /** Has a worker that serves counted in. */
  add(worker: Worker): void {
    this.#latest.set(worker, []);
    worker.on("message", (message: WorkerMessage) => this.#hear(worker, message));
    worker.once("exit", () => {
      this.#departed.push(lastingOf(this.#latest.get(worker) ?? []));
      this.#latest.delete(worker);
      this.#awaited.get(worker)?.();
    });
  }

  #hear(worker: Worker, message: WorkerMessage): void {
    if (message.kind === "metrics-page-wanted")
      void this.#page().then((text) => tell(worker, { kind: "metrics-page", text }));
    if (message.kind !== "metrics-counted" || !this.#latest.has(worker)) return;
    this.#latest.set(worker, message.snapshot);
    this.#awaited.get(worker)?.();
  }

  /** One at a time: whoever asks meanwhile is told the same. */
  #page(): Promise<string> {
    this.#gathering ??= this.#gather().finally(() => (this.#gathering = undefined));
    return this.#gathering;
  }

  async #gather(): Promise<string> {
    await Promise.all([...this.#latest.keys()].map((worker) => this.#ask(worker)));
    const { AggregatorRegistry } = await import("prom-client");
    const departed = this.#departed.splice(0);
    const sum = await AggregatorRegistry.aggregate(departed).getMetricsAsJSON();
    this.#departed.push(sum);
    return AggregatorRegistry.aggregate([sum, ...this.#latest.values()]).metrics();
  }

  async #ask(worker: Worker): Promise<void> {
    const answered = new Promise<void>((resolve) => this.#awaited.set(worker, resolve));
    tell(worker, { kind: "metrics-wanted" });
    await within(answered, answerTimeoutMs, "ask a worker for its metrics").catch(() => undefined);
    this.#awaited.delete(worker);
  }
}

/** What goes on counting although its process is gone: all but gauges. */
function lastingOf(snapshot: MetricsSnapshot): MetricsSnapshot {
  return snapshot.filter(({ type }) => String(type) !== "gauge");
}

/** One that has just gone needs no answer. */
function tell(worker: Worker, message: PrimaryMessage): void {
  worker.send(message, () => {});
}
