/** How many values fell into each bucket, as a Prometheus histogram counts them. */
export interface Distribution {
  /** By bound; the last is of what lies above all of them. */
  readonly counts: number[];
  count: number;
  sum: number;
}

export function emptyDistribution(bounds: readonly number[]): Distribution {
  return { counts: Array.from({ length: bounds.length + 1 }, () => 0), count: 0, sum: 0 };
}

/** A bound holds what is equal to it. */
export function observe(
  distribution: Distribution,
  bounds: readonly number[],
  value: number,
): void {
  let bucket = 0;
  while (bucket < bounds.length && value > (bounds[bucket] ?? Infinity)) bucket += 1;
  distribution.counts[bucket] = (distribution.counts[bucket] ?? 0) + 1;
  distribution.count += 1;
  distribution.sum += value;
}

/** Each bound with how many values are at most that: Prometheus counts a value in every bucket above it too. */
export function cumulative(
  { counts, count }: Distribution,
  bounds: readonly number[],
): (readonly [bound: number | "+Inf", count: number])[] {
  let below = 0;
  const buckets = bounds.map((bound, index) => {
    below += counts[index] ?? 0;
    return [bound, below] as const;
  });
  return [...buckets, ["+Inf", count]];
}
