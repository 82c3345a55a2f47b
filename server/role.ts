import type { Worker } from "node:cluster";
import { within } from "./deadline.ts";
import type { Metrics } from "./metrics/metrics.ts";
import { type StopSignal, stopSignal } from "./stop-signal.ts";
import type { PrimaryMessage, WorkerMessage } from "./worker-messages.ts";

/** How a process that serves stands: on its own, or as one of several workers. */
export interface Role {
  readonly stopping: StopSignal;
  /** What reads the page of GET /metrics, given what this process counts. */
  shareMetrics(metrics: Metrics): () => Promise<string>;
  /** It listens: tells so on the terminal. */
  announce(summary: string): void;
}

/** The only process there is. A second signal ends it at once. */
export function alone(): Role {
  return {
    stopping: stopSignal(() => process.exit(1)),
    shareMetrics: (metrics) => () => metrics.text(),
    announce: (summary) => process.stdout.write(summary),
  };
}

/**
 * One of several workers on a port, as `cluster` has started it.
 *
 * Signals after the first mean nothing to it: control-C and service managers send theirs to every process, and the one
 * that started it sends one too. Where that process dies it drains, as if told to.
 */
export function asWorker(worker: Worker): Role {
  const stopping = stopSignal(() => {});
  return {
    stopping,
    shareMetrics,
    announce(summary) {
      worker.once("disconnect", () => {
        // Else cluster ends the process on the spot, and the calls in flight with it.
        worker.exitedAfterDisconnect = true;
        stopping.set();
      });
      tell({ kind: "worker-ready", summary });
    },
  };
}

/** Longer than the first process waits for the slowest of the others. */
const pageTimeoutMs = 5_000;

function shareMetrics(metrics: Metrics): () => Promise<string> {
  const waiting = new Set<(text: string) => void>();
  process.on("message", (message: PrimaryMessage) => {
    if (message.kind === "metrics-wanted")
      void metrics.snapshot().then((snapshot) => tell({ kind: "metrics-counted", snapshot }));
    if (message.kind !== "metrics-page") return;
    for (const resolve of waiting) resolve(message.text);
    waiting.clear();
  });
  return async () => {
    const page = new Promise<string>((resolve) => waiting.add(resolve));
    tell({ kind: "metrics-page-wanted" });
    return within(page, pageTimeoutMs, "hear of the other workers").catch((cause: unknown) => {
      throw new Error("Cannot add up the metrics of all workers", { cause });
    });
  };
}

/** Where the other end is gone there is nobody to tell. */
function tell(message: WorkerMessage): void {
  process.send?.(message, undefined, {}, () => {});
}
