import { GatewayError } from "../errors.ts";
import type { Counter, CounterKind, Standing, Taking } from "../limits/limiter.ts";
import type { Caller } from "./caller.ts";

/** Everything that limits a caller's call of a model group. */
export function countersOf({ id, limits }: Caller, group: string, tokens: number): Counter[] {
  const counters: Counter[] = [];
  const owner = `key:${id}`;
  add(counters, { owner, kind: "requests", limit: limits.requests, amount: 1 });
  add(counters, { owner, kind: "tokens", limit: limits.tokens, amount: tokens });
  add(counters, { owner, kind: "parallel", limit: limits.parallel, amount: 1 });
  const ofModel = `${owner}:model:${group}`;
  const modelRequests = own(limits.modelRequests, group);
  add(counters, { owner: ofModel, kind: "requests", limit: modelRequests, amount: 1 });
  const modelTokens = own(limits.modelTokens, group);
  add(counters, { owner: ofModel, kind: "tokens", limit: modelTokens, amount: tokens });
  return counters;
}

export interface DeploymentLimits {
  readonly id: string;
  readonly limits: { readonly [Kind in CounterKind]?: number | undefined };
}

/** Everything that limits what is sent to a deployment. */
export function countersOfDeployment({ id, limits }: DeploymentLimits, tokens: number): Counter[] {
  const counters: Counter[] = [];
  const owner = `deployment:${id}`;
  add(counters, { owner, kind: "requests", limit: limits.requests, amount: 1 });
  add(counters, { owner, kind: "tokens", limit: limits.tokens, amount: tokens });
  add(counters, { owner, kind: "parallel", limit: limits.parallel, amount: 1 });
  return counters;
}

type Limit = Omit<Counter, "limit"> & { readonly limit: number | undefined };

function add(counters: Counter[], { limit, owner, kind, amount }: Limit): void {
  if (limit !== undefined) counters.push({ owner, kind, limit, amount });
}

function own(limits: Readonly<Record<string, number>>, name: string): number | undefined {
  return Object.hasOwn(limits, name) ? limits[name] : undefined;
}

type Refused = Extract<Taking, { kind: "refused" }>;

const units: Readonly<Record<CounterKind, string>> = {
  requests: "requests a minute",
  tokens: "tokens a minute",
  parallel: "calls at once",
};

/** What a caller is told that has reached a limit. `whose`: as in `key "ci-bot"`. */
export function limitReached(asked: string, whose: string, refused: Refused): GatewayError {
  const { by, retryAfterMs, standings } = refused;
  return new GatewayError(
    "rate_limit_exceeded",
    `Cannot call model ${JSON.stringify(asked)}: ${whose} has reached its limit of ${by.limit} ${units[by.kind]}`,
    { headers: { ...retryHeaders(retryAfterMs), ...Object.fromEntries(pairs(standings)) } },
  );
}

export function limitsUnavailable(): GatewayError {
  return new GatewayError(
    "limits_unavailable",
    "Cannot check rate limits: the counters that replicas share are out of reach",
    { headers: { "retry-after": "1" } },
  );
}

/** In whole seconds for everybody, and in milliseconds for who reads that. */
export function retryHeaders(retryAfterMs: number): Record<string, string> {
  return {
    "retry-after": String(Math.max(1, Math.ceil(retryAfterMs / 1000))),
    "retry-after-ms": String(Math.max(1, Math.ceil(retryAfterMs))),
  };
}

/** Headers that say how close a caller is to its limits: names and values in turn. */
export function limitHeaders(standings: readonly Standing[]): string[] {
  return standings.length === 0 ? [] : pairs(standings).flat();
}

function tightestOf(standings: readonly Standing[], kind: CounterKind): Standing | undefined {
  let tightest: Standing | undefined;
  for (const standing of standings)
    if (standing.counter.kind === kind && standing.remaining < (tightest?.remaining ?? Infinity))
      tightest = standing;
  return tightest;
}

function pairs(standings: readonly Standing[]): [string, string][] {
  return (["requests", "tokens"] as const).flatMap((kind): [string, string][] => {
    const tightest = tightestOf(standings, kind);
    if (!tightest) return [];
    const { counter, remaining, resetMs } = tightest;
    return [
      [`x-ratelimit-limit-${kind}`, String(counter.limit)],
      [`x-ratelimit-remaining-${kind}`, String(remaining)],
      [`x-ratelimit-reset-${kind}`, `${Math.ceil(resetMs / 1000)}s`],
    ];
  });
}
