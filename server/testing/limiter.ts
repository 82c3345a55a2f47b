import type { Counter, CounterKind, Limiter, Taking } from "../limits/limiter.ts";

export type Taken = Extract<Taking, { kind: "taken" }>;
export type Refused = Extract<Taking, { kind: "refused" }>;

export function requests(limit = 1, owner = "key:a"): Counter {
  return { owner, kind: "requests", limit, amount: 1 };
}

export function tokens(limit = 1, amount = 1, owner = "key:a"): Counter {
  return { owner, kind: "tokens", limit, amount };
}

export function parallel(limit = 1, owner = "key:a"): Counter {
  return { owner, kind: "parallel", limit, amount: 1 };
}

/** Refuses whatever else is asked for with it. */
export const closed: Counter = { owner: "nobody", kind: "parallel", limit: 0, amount: 1 };

/** @throws Error when the call is not let through. */
export async function taken(limiter: Limiter, ...counters: Counter[]): Promise<Taken> {
  const taking = await limiter.take(counters);
  if (taking.kind !== "taken") throw new Error(`Not taken: ${JSON.stringify(taking)}`);
  return taking;
}

/** @throws Error when the call is let through. */
export async function refusal(limiter: Limiter, ...counters: Counter[]): Promise<Refused> {
  const taking = await limiter.take(counters);
  if (taking.kind !== "refused") throw new Error(`Not refused: ${JSON.stringify(taking)}`);
  return taking;
}

/** How much of a counter is taken at present. It asks with a call that is refused. */
export async function takenOf(
  limiter: Limiter,
  kind: CounterKind,
  owner = "key:a",
): Promise<number> {
  const ample = 1e9;
  const { standings } = await refusal(limiter, { owner, kind, limit: ample, amount: 1 }, closed);
  return ample - (standings[0]?.remaining ?? Number.NaN);
}
