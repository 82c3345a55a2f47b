import type { Registry } from "prom-client";
import { cumulative, type Distribution } from "./distribution.ts";
import {
  type AttemptTallies,
  type DeploymentTally,
  durationBoundsMs,
  type EndTally,
  firstByteBoundsMs,
} from "./attempt-tallies.ts";

export type Labels = Readonly<Record<string, string | number>>;

/** A line of the page, as the library's registry takes it. */
export interface Sample {
  /** Its own. */
  readonly labels: Labels;
  /** Those of its series: one object for all lines of a histogram, so that they are written out once. */
  readonly sharedLabels: Labels;
  readonly value: number;
  /** Where it is not the family's: `…_bucket`, `…_sum`, `…_count`. */
  readonly metricName?: string;
}

/** Samples of one name. */
export interface Family {
  readonly name: `keyplane_${string}`;
  readonly help: string;
  readonly type: "counter" | "gauge" | "histogram";
  /** How those of several processes become one; by sum unless given. */
  readonly aggregator?: "sum" | "max";
  readonly collect: () => Sample[];
}

/** Has the registry ask for a family at each scrape. */
export function register(registry: Registry, { collect, ...described }: Family): void {
  const family = { aggregator: "sum", ...described };
  const metric = {
    ...family,
    // Both as the library's own histograms have them: the one for data, the other for the page.
    get: async () => ({ ...family, values: collect().map(withAllLabels) }),
    getForPromString: async () => ({ ...family, values: collect() }),
  };
  // Its type asks for one of the library's classes, none of which takes a histogram that has been counted already. What
  // it calls are these two, and its own aggregation registers objects like this one.
  registry.registerMetric(metric as never);
}

function withAllLabels({ labels, sharedLabels, value, metricName }: Sample) {
  return { labels: { ...sharedLabels, ...labels }, value, metricName };
}

/** Everything that is told of attempts. */
export function attemptFamilies(tallies: AttemptTallies): Family[] {
  return [
    {
      name: "keyplane_attempts_total",
      help: "Finished upstream attempts",
      type: "counter",
      collect: () => samplesOfEnds(tallies, countSamples),
    },
    {
      name: "keyplane_attempt_duration_seconds",
      help: "Time from sending an upstream attempt to its end",
      type: "histogram",
      collect: () => samplesOfEnds(tallies, durationSamples),
    },
    {
      name: "keyplane_time_to_first_token_seconds",
      help: "Time from sending an upstream attempt to the first byte of its answer",
      type: "histogram",
      collect: () => samplesOfEnds(tallies, firstByteSamples),
    },
    {
      name: "keyplane_tokens_total",
      help: "Tokens that attempts consumed; reasoning is a part of output",
      type: "counter",
      collect: () => samplesOf(tallies, tokenSamples),
    },
    {
      name: "keyplane_units_total",
      help: "What attempts consumed that is counted beside tokens, or is a part of them",
      type: "counter",
      collect: () => samplesOf(tallies, unitSamples),
    },
    {
      name: "keyplane_spend_usd_total",
      help: "What attempts cost, in USD",
      type: "counter",
      collect: () =>
        samplesOf(tallies, ({ labels, spendPicodollars }) => [
          { labels: none, sharedLabels: labels, value: spendPicodollars / picodollarsPerUsd },
        ]),
    },
    {
      name: "keyplane_unpriced_attempts_total",
      help: "Attempts that cost nobody knows how much",
      type: "counter",
      collect: () =>
        samplesOf(tallies, ({ labels, unpriced }) => [
          { labels: none, sharedLabels: labels, value: unpriced },
        ]),
    },
  ];
}

const picodollarsPerUsd = 1e12;

export const none: Labels = {};

function samplesOf(
  tallies: AttemptTallies,
  samples: (tally: DeploymentTally) => Sample[],
): Sample[] {
  return [...tallies].flatMap(samples);
}

function samplesOfEnds(
  tallies: AttemptTallies,
  samples: (end: EndTally, series: Labels) => Sample[],
): Sample[] {
  return samplesOf(tallies, ({ labels, streams, wholeReplies }) =>
    [streams, wholeReplies].flatMap((ends) =>
      [...ends].flatMap(([status, end]) =>
        samples(end, { ...labels, status, streamed: String(ends === streams) }),
      ),
    ),
  );
}

function countSamples({ codes }: EndTally, series: Labels): Sample[] {
  return [...codes].map(([error_code, value]) => ({
    labels: { error_code },
    sharedLabels: series,
    value,
  }));
}

function tokenSamples({ labels, tokens }: DeploymentTally): Sample[] {
  return Object.entries(tokens)
    .filter(([, value]) => value > 0)
    .map(([bucket, value]) => ({ labels: { bucket }, sharedLabels: labels, value }));
}

function unitSamples({ labels, units }: DeploymentTally): Sample[] {
  return Object.entries(units)
    .filter(([, value]) => value > 0)
    .map(([unit, value]) => ({ labels: { unit }, sharedLabels: labels, value }));
}

function durationSamples({ durationMs }: EndTally, series: Labels): Sample[] {
  return histogramSamples("keyplane_attempt_duration_seconds", durationMs, {
    series,
    boundsMs: durationBoundsMs,
  });
}

function firstByteSamples({ firstByteMs }: EndTally, series: Labels): Sample[] {
  return histogramSamples("keyplane_time_to_first_token_seconds", firstByteMs, {
    series,
    boundsMs: firstByteBoundsMs,
  });
}

/** Nothing where nothing was observed: a failed attempt has no first token. */
function histogramSamples(
  name: string,
  distributionMs: Distribution,
  { series, boundsMs }: { series: Labels; boundsMs: readonly number[] },
): Sample[] {
  if (distributionMs.count === 0) return [];
  const buckets = cumulative(distributionMs, boundsMs).map(([boundMs, value]) => ({
    labels: { le: typeof boundMs === "number" ? boundMs / 1000 : boundMs },
    sharedLabels: series,
    value,
    metricName: `${name}_bucket`,
  }));
  return [
    ...buckets,
    {
      labels: none,
      sharedLabels: series,
      value: distributionMs.sum / 1000,
      metricName: `${name}_sum`,
    },
    {
      labels: none,
      sharedLabels: series,
      value: distributionMs.count,
      metricName: `${name}_count`,
    },
  ];
}
