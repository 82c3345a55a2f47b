import { performance } from "node:perf_hooks";
import {
  type Counter,
  type CounterKind,
  type Limiter,
  parallelRetryMs,
  type Slot,
  type Standing,
  type Taking,
  windowMs,
} from "./limiter.ts";

/** What has been taken of a counter until it begins anew. That of calls at once never does. */
interface Use {
  taken: number;
  readonly endsAtMs: number;
}

interface Share {
  readonly counter: Counter;
  readonly use: Use;
}

export type MemoryTaking = Exclude<Taking, { kind: "unavailable" }>;

/** Counts for this process alone, and decides at once. */
export class MemoryLimiter implements Limiter {
  /** By owner. One map for all would need a key made of owner and kind, which costs more than the rest of a call. */
  readonly #uses: Readonly<Record<CounterKind, Map<string, Use>>> = {
    requests: new Map(),
    tokens: new Map(),
    parallel: new Map(),
  };
  readonly #clock: () => number;
  readonly #sweeping: NodeJS.Timeout;

  /** @param clock Milliseconds that never go back. */
  constructor(clock: () => number = () => performance.now()) {
    this.#clock = clock;
    this.#sweeping = setInterval(() => this.sweep(), windowMs);
    this.#sweeping.unref();
  }

  /** How many counters are kept. */
  get size(): number {
    return this.#maps().reduce((sum, { size }) => sum + size, 0);
  }

  take(counters: readonly Counter[]): MemoryTaking {
    const nowMs = this.#clock();
    const shares = counters.map((counter) => ({ counter, use: this.#useOf(counter, nowMs) }));
    const refusal = refusalOf(shares, nowMs);
    if (refusal) return { ...refusal, standings: standingsOf(shares, nowMs) };
    for (const share of shares) this.#take(share);
    return { kind: "taken", slot: new MemorySlot(shares), standings: standingsOf(shares, nowMs) };
  }

  async close(): Promise<void> {
    clearInterval(this.#sweeping);
  }

  /** Forgets what is over, so that memory is bounded by what was used lately. */
  sweep(): void {
    const nowMs = this.#clock();
    for (const uses of this.#maps())
      for (const [owner, use] of uses) if (isOver(use, nowMs)) uses.delete(owner);
  }

  /** A new one is kept only when something is taken of it: a refused call leaves nothing behind. */
  #useOf({ owner, kind }: Counter, nowMs: number): Use {
    const use = this.#uses[kind].get(owner);
    if (use && use.endsAtMs > nowMs) return use;
    return { taken: 0, endsAtMs: kind === "parallel" ? Infinity : nowMs + windowMs };
  }

  #take({ counter: { owner, kind, amount }, use }: Share): void {
    if (use.taken === 0) this.#uses[kind].set(owner, use);
    use.taken += amount;
  }

  #maps(): Map<string, Use>[] {
    return Object.values(this.#uses);
  }
}

/** It changes the very minute that it took from, which by then may be over and nobody's. */
class MemorySlot implements Slot {
  #shares: readonly Share[];

  constructor(shares: readonly Share[]) {
    this.#shares = shares;
  }

  settle(tokens: number): void {
    for (const { counter, use } of this.#end()) {
      if (counter.kind === "tokens") use.taken += tokens - counter.amount;
      if (counter.kind === "parallel") use.taken -= counter.amount;
    }
  }

  release(): void {
    for (const { counter, use } of this.#end()) use.taken -= counter.amount;
  }

  #end(): readonly Share[] {
    const shares = this.#shares;
    this.#shares = [];
    return shares;
  }
}

function refusalOf(shares: readonly Share[], nowMs: number) {
  let longest: { kind: "refused"; by: Counter; retryAfterMs: number } | undefined;
  for (const { counter, use } of shares) {
    if (admits(counter, use.taken)) continue;
    const retryAfterMs =
      counter.kind === "parallel" ? parallelRetryMs : Math.ceil(use.endsAtMs - nowMs);
    if (!longest || retryAfterMs > longest.retryAfterMs)
      longest = { kind: "refused", by: counter, retryAfterMs };
  }
  return longest;
}

function admits({ kind, limit, amount }: Counter, taken: number): boolean {
  if (limit === 0) return false;
  return taken + amount <= limit || (kind === "tokens" && taken === 0);
}

function standingsOf(shares: readonly Share[], nowMs: number): Standing[] {
  return shares.map(({ counter, use }) => ({
    counter,
    remaining: Math.max(0, counter.limit - use.taken),
    resetMs: use.taken === 0 || counter.kind === "parallel" ? 0 : Math.ceil(use.endsAtMs - nowMs),
  }));
}

function isOver({ taken, endsAtMs }: Use, nowMs: number): boolean {
  return endsAtMs <= nowMs || (endsAtMs === Infinity && taken === 0);
}
