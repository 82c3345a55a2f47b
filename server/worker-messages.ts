import type { MetricsSnapshot } from "./metrics/metrics.ts";

/** What a worker says to the process that started it. */
export type WorkerMessage =
  /** It listens; the summary is for the terminal. */
  | { readonly kind: "worker-ready"; readonly summary: string }
  /** Somebody has asked it for the metrics of all. */
  | { readonly kind: "metrics-page-wanted" }
  | { readonly kind: "metrics-counted"; readonly snapshot: MetricsSnapshot };

/** What it is told. */
export type PrimaryMessage =
  | { readonly kind: "metrics-wanted" }
  | { readonly kind: "metrics-page"; readonly text: string };
