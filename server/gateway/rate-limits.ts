import { GatewayError } from "../errors.ts";
import type { Counter, CounterKind, Limiter, Standing, Taking } from "../limits/limiter.ts";
import type { Caller } from "./caller.ts";

/** Everything that limits a caller's call of a model group. */
export function countersOf(caller: Caller, group: string, tokens: number): Counter[] {
  const { counterOwner, limits } = caller;
  const counters = countersOfOwner(caller, tokens);
  const requestsOfModel = own(limits.modelRequests, group);
  const tokensOfModel = own(limits.modelTokens, group);
  if (requestsOfModel === undefined && tokensOfModel === undefined) return counters;
  const ofModel = {
    counterOwner: `${counterOwner}:model:${group}`,
    limits: { requests: requestsOfModel, tokens: tokensOfModel },
  };
  return [...counters, ...countersOfOwner(ofModel, tokens)];
}

export interface CounterOwner {
  /** The name that its counters have. */
  readonly counterOwner: string;
  /** Undefined: as much as it likes. */
  readonly limits: { readonly [Kind in CounterKind]?: number | undefined };
}

/** The counters of one owner, for a call that is expected to use so many tokens. */
export function countersOfOwner(
  { counterOwner: owner, limits: { requests, tokens, parallel } }: CounterOwner,
  used: number,
): Counter[] {
  const counters: Counter[] = [];
  if (requests !== undefined)
    counters.push({ owner, kind: "requests", limit: requests, amount: 1 });
  if (tokens !== undefined) counters.push({ owner, kind: "tokens", limit: tokens, amount: used });
  if (parallel !== undefined)
    counters.push({ owner, kind: "parallel", limit: parallel, amount: 1 });
  return counters;
}

function own(limits: Readonly<Record<string, number>>, name: string): number | undefined {
  return Object.hasOwn(limits, name) ? limits[name] : undefined;
}

const unlimited = { kind: "taken", slot: undefined, standings: [] } as const;

/** What came of taking from counters; without any, nothing is taken and nobody asked. */
export type Taken = Taking | typeof unlimited;

/** Takes from every counter or from none, at once where the counters are in this process. */
export function takeCounters(
  limiter: Limiter,
  counters: readonly Counter[],
): Taken | Promise<Taken> {
  return counters.length === 0 ? unlimited : limiter.take(counters);
}

/** Why nothing was taken. `whose`: as in `key "ci-bot"`. */
export function notTaken(
  asked: string,
  whose: string,
  taking: Exclude<Taken, { kind: "taken" }>,
): GatewayError {
  return taking.kind === "refused" ? limitReached(asked, whose, taking) : limitsUnavailable();
}

type Refused = Extract<Taking, { kind: "refused" }>;

const units: Readonly<Record<CounterKind, string>> = {
  requests: "requests a minute",
  tokens: "tokens a minute",
  parallel: "calls at once",
};

function limitReached(asked: string, whose: string, refused: Refused): GatewayError {
  const { by, retryAfterMs, standings } = refused;
  const headers = retryHeaders(retryAfterMs);
  tellStandings(standings, (name, value) => (headers[name] = value));
  return new GatewayError(
    "rate_limit_exceeded",
    `Cannot call model ${JSON.stringify(asked)}: ${whose} has reached its limit of ${by.limit} ${units[by.kind]}`,
    { headers },
  );
}

function limitsUnavailable(): GatewayError {
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

const headerNames = [
  {
    kind: "requests",
    limit: "x-ratelimit-limit-requests",
    remaining: "x-ratelimit-remaining-requests",
    reset: "x-ratelimit-reset-requests",
  },
  {
    kind: "tokens",
    limit: "x-ratelimit-limit-tokens",
    remaining: "x-ratelimit-remaining-tokens",
    reset: "x-ratelimit-reset-tokens",
  },
] as const;

/** Says in headers how close a caller is to its limits. */
export function tellStandings(
  standings: readonly Standing[],
  tell: (name: string, value: string) => void,
): void {
  for (const { kind, limit, remaining, reset } of headerNames) {
    const tightest = tightestOf(standings, kind);
    if (!tightest) continue;
    tell(limit, String(tightest.counter.limit));
    tell(remaining, String(tightest.remaining));
    tell(reset, `${Math.ceil(tightest.resetMs / 1000)}s`);
  }
}

function tightestOf(standings: readonly Standing[], kind: CounterKind): Standing | undefined {
  let tightest: Standing | undefined;
  for (const standing of standings)
    if (standing.counter.kind === kind && standing.remaining < (tightest?.remaining ?? Infinity))
      tightest = standing;
  return tightest;
}
