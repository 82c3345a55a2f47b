/**
 * What a call may take: requests and tokens in a minute, and calls at once.
 *
 * A minute begins with the first call that is counted in it, so each counter has minutes of its own. A call is refused
 * by what it would bring a counter above its limit, with one exception: a call whose estimate alone is above a limit of
 * tokens is let through in a minute that nothing has been used of, or it could never be made. A limit of 0 refuses
 * everything.
 */

export type CounterKind = "requests" | "tokens" | "parallel";

/** Owner and kind together name it; they stand once in a call. */
export interface Counter {
  /** Whose it is, as in `key:key_…`, `key:key_…:model:gpt-4o` or `deployment:ID`. */
  readonly owner: string;
  readonly kind: CounterKind;
  readonly limit: number;
  /** What the call takes of it, a whole number: its estimate for `tokens`, else 1. */
  readonly amount: number;
}

/** How a counter stands after the decision. */
export interface Standing {
  readonly counter: Counter;
  /** Never below 0. */
  readonly remaining: number;
  /** Until all of it is free again: 0 when it is, and for `parallel`, which no clock frees. */
  readonly resetMs: number;
}

export type Taking =
  | { readonly kind: "taken"; readonly slot: Slot; readonly standings: readonly Standing[] }
  | {
      readonly kind: "refused";
      /** Of those that refuse, the one with the longest wait. */
      readonly by: Counter;
      readonly retryAfterMs: number;
      readonly standings: readonly Standing[];
    }
  /** Nobody can tell: the counters are in Redis, which is away, and `redis_failure` is `fail_closed`. */
  | { readonly kind: "unavailable" };

/** What a call has taken. It ends once, in one of two ways; whatever is called later does nothing. */
export interface Slot {
  /**
   * The call has ended and used so many tokens: its estimate is put right, in the minute that it was taken of and in no
   * other, and calls at once are freed.
   */
  settle(tokens: number): void;
  /** The call never left: everything that it took is given back. */
  release(): void;
}

export interface Limiter {
  /** Takes from every counter or from none; standings are in the counters' order. */
  take(counters: readonly Counter[]): Taking | Promise<Taking>;
  /** Stops its clocks and ends its connection. What is still taken comes back by time. */
  close(): Promise<void>;
}

/** What limits are said for. */
export const windowMs = 60_000;

/** Until a call that found too many others is tried again: they may end at any moment. */
export const parallelRetryMs = 1_000;
