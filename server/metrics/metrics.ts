import { setTimeout as sleep } from "node:timers/promises";
import type { Registry } from "prom-client";
import type { ErrorCode } from "../../shared/errors.ts";
import { type AttemptFacts, AttemptTallies } from "./attempt-tallies.ts";
import { attemptFamilies, type Family, none, register } from "./exposition.ts";
import { type GaugeReaders, gauges } from "./gauges.ts";

/** What a page of metrics is sent as. */
export const metricsContentType = "text/plain; version=0.0.4; charset=utf-8";

/** How often the event loop is looked at: at the library's default of 10 ms it takes 1 % of a core, at this a half. */
const loopSampleMs = 20;

export interface MetricsSettings {
  /** Whether the config names a model group. What it does not name, such as what a wildcard is asked for, is told apart up to a bound. */
  readonly isConfigured: (modelGroup: string) => boolean;
}

/** What the gateway counts, for Prometheus. */
export class Metrics {
  readonly #attempts: AttemptTallies;
  readonly #refused = new Map<ErrorCode, number>();
  #readers: Partial<GaugeReaders> = {};
  #registry: Promise<Registry> | undefined;

  constructor({ isConfigured }: MetricsSettings) {
    this.#attempts = new AttemptTallies(isConfigured);
  }

  /** Counts an upstream attempt that has ended. */
  attempt(facts: AttemptFacts): void {
    this.#attempts.record(facts);
  }

  /** Counts a request that the gateway itself answered with an error. */
  refuse(code: ErrorCode): void {
    this.#refused.set(code, (this.#refused.get(code) ?? 0) + 1);
  }

  /** Has these read at every scrape, beside those that were given before. */
  watch(readers: Partial<GaugeReaders>): void {
    this.#readers = { ...this.#readers, ...readers };
  }

  /** The page that Prometheus reads. */
  async text(): Promise<string> {
    return (await this.#registered()).metrics();
  }

  /** The same as data, for adding up with that of other processes. */
  async snapshot(): Promise<MetricsSnapshot> {
    const families = await (await this.#registered()).getMetricsAsJSON();
    // A mean of nothing is no number, which JSON has no word for, and its null would be read as infinity.
    return families.map((family) => ({
      ...family,
      values: family.values.filter(({ value }) => Number.isFinite(value)),
    }));
  }

  /**
   * The library is loaded, and begins to watch the event loop and the garbage collector, when somebody looks for the first
   * time: whoever does not need not pay the 11 MB that it takes, nor its watching.
   */
  #registered(): Promise<Registry> {
    this.#registry ??= this.#createRegistry();
    return this.#registry;
  }

  async #createRegistry(): Promise<Registry> {
    const { collectDefaultMetrics, Registry } = await import("prom-client");
    // Never the library's global one: it is shared by all that a process loads, tests and custom auth included.
    const registry = new Registry();
    for (const family of [...attemptFamilies(this.#attempts), this.#refusals(), ...this.#gauges()])
      register(registry, family);
    collectDefaultMetrics({ register: registry, eventLoopMonitoringPrecision: loopSampleMs });
    // Before the first sample the lag of the event loop would be told as three centuries.
    await sleep(2 * loopSampleMs);
    return registry;
  }

  #refusals(): Family {
    return {
      name: "keyplane_requests_refused_total",
      help: "Requests that the gateway itself answered with an error",
      type: "counter",
      collect: () =>
        [...this.#refused].map(([code, value]) => ({
          labels: { code },
          sharedLabels: none,
          value,
        })),
    };
  }

  #gauges(): Family[] {
    return (Object.keys(gauges) as (keyof GaugeReaders)[]).map((key) => ({
      ...gauges[key],
      type: "gauge",
      collect: () => {
        const value = this.#readers[key]?.();
        return value === undefined ? [] : [{ labels: none, sharedLabels: none, value }];
      },
    }));
  }
}

/** What a process counted: all families with their samples. */
export type MetricsSnapshot = Awaited<ReturnType<Registry["getMetricsAsJSON"]>>;
