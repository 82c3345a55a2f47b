import { randomBytes } from "node:crypto";
import type { Logger } from "../log.ts";
import type { Counter, Limiter, Slot, Taking } from "./limiter.ts";
import { MemoryLimiter } from "./memory-limiter.ts";
import { isRefusal, RedisConnection, type TakeReply } from "./redis-connection.ts";
import { leaseWords, RedisLeases } from "./redis-leases.ts";
import type { RedisAddress } from "./redis-url.ts";

/** What becomes of calls with limits while Redis is away: each replica counts for itself, or none is let through. */
export type RedisFailure = "fail_open" | "fail_closed";

const consequences: Readonly<Record<RedisFailure, string>> = {
  fail_open: "each replica counts limits for itself",
  fail_closed: "calls that have limits are refused",
};

export interface RedisLimiterSettings {
  readonly address: RedisAddress;
  readonly onRedisFailure: RedisFailure;
  readonly logger: Logger;
  /** For how long a replica that died keeps its slots, 30 s by default; a living one renews them three times as often. */
  readonly leaseMs?: number;
  /** 250 ms by default: long for a Redis nearby, and short for the calls that wait when it stops to answer. */
  readonly answerWithinMs?: number;
}

/** A call, as Redis knows it. */
interface Holding {
  readonly slotId: string;
  readonly shares: readonly { readonly counter: Counter; readonly key: string }[];
  /** The keys of its parallel counters. */
  readonly leased: readonly string[];
}

/**
 * Counts for all replicas that share a Redis. A call waits for one round trip; at its end it sends a message that nobody
 * waits for.
 *
 * While Redis is away a MemoryLimiter decides, or nobody. Each slot is given back where it was taken.
 */
export class RedisLimiter implements Limiter {
  readonly #connection: RedisConnection;
  readonly #leases: RedisLeases;
  readonly #leaseMs: number;
  readonly #local = new MemoryLimiter();
  readonly #onRedisFailure: RedisFailure;
  /** Tells this replica's slots from those of others. */
  readonly #replica = randomBytes(6).toString("base64url");
  #slotCount = 0;

  constructor(settings: RedisLimiterSettings) {
    const { address, logger, onRedisFailure, leaseMs = 30_000, answerWithinMs = 250 } = settings;
    this.#onRedisFailure = onRedisFailure;
    this.#leaseMs = leaseMs;
    this.#connection = new RedisConnection({
      address,
      logger,
      consequence: consequences[onRedisFailure],
      answerWithinMs,
      onReady: () => this.#leases.catchUp(),
    });
    this.#leases = new RedisLeases(this.#connection, leaseMs);
  }

  /** Waits until Redis is there, or is found to be away. */
  async open(): Promise<this> {
    await this.#connection.open();
    return this;
  }

  take(counters: readonly Counter[]): Taking | Promise<Taking> {
    if (counters.length === 0) return this.#local.take(counters);
    return this.#connection.isReady ? this.#ask(counters) : this.#decideAlone(counters);
  }

  async close(): Promise<void> {
    this.#leases.close();
    await Promise.all([this.#connection.close(), this.#local.close()]);
  }

  #decideAlone(counters: readonly Counter[]): Taking {
    return this.#onRedisFailure === "fail_open"
      ? this.#local.take(counters)
      : { kind: "unavailable" };
  }

  async #ask(counters: readonly Counter[]): Promise<Taking> {
    const holding = this.#holdingOf(counters);
    const keys = holding.shares.map(({ key }) => key);
    const words = counters.flatMap(({ kind, limit, amount }) => [kind, limit, amount]);
    try {
      const values = [holding.slotId, this.#leaseMs, ...words];
      return this.#decide(holding, await this.#connection.take(keys, values));
    } catch (error) {
      if (!isRefusal(error)) this.#leases.disown(holding.slotId, holding.leased);
      return this.#decideAlone(counters);
    }
  }

  #holdingOf(counters: readonly Counter[]): Holding {
    const shares = counters.map((counter) => ({ counter, key: keyOf(counter) }));
    return {
      slotId: `${this.#replica}:${(this.#slotCount++).toString(36)}`,
      shares,
      leased: shares.filter(({ counter }) => counter.kind === "parallel").map(({ key }) => key),
    };
  }

  #decide(holding: Holding, reply: TakeReply): Taking {
    const [refusing, retryAfterMs, taken, resets, starts] = reply;
    const standings = holding.shares.map(({ counter }, index) => ({
      counter,
      remaining: Math.max(0, counter.limit - (taken[index] ?? 0)),
      resetMs: resets[index] ?? 0,
    }));
    const by = holding.shares[refusing - 1]?.counter;
    if (by) return { kind: "refused", by, retryAfterMs, standings };
    this.#leases.hold(holding.slotId, holding.leased);
    return { kind: "taken", slot: this.#slotOf(holding, starts), standings };
  }

  #slotOf(holding: Holding, starts: readonly number[]): Slot {
    let isOver = false;
    const end = (changeOf: (counter: Counter) => number) => {
      if (isOver) return;
      isOver = true;
      this.#giveBack(holding, starts, changeOf);
    };
    return {
      settle: (tokens) => end(({ kind, amount }) => (kind === "tokens" ? tokens - amount : 0)),
      release: () => end(({ amount }) => -amount),
    };
  }

  #giveBack(
    { slotId, shares, leased }: Holding,
    starts: readonly number[],
    changeOf: (counter: Counter) => number,
  ): void {
    const keys: string[] = [];
    const values: (string | number)[] = [slotId];
    for (const [index, { counter, key }] of shares.entries()) {
      const change = changeOf(counter);
      if (counter.kind !== "parallel" && change === 0) continue;
      keys.push(key);
      values.push(...(counter.kind === "parallel" ? leaseWords : [starts[index] ?? 0, change]));
    }
    this.#leases.letGo(slotId);
    if (keys.length === 0) return;
    this.#connection
      .giveBack(keys, values)
      .catch((error) => isRefusal(error) || this.#leases.disown(slotId, leased));
  }
}

function keyOf({ kind, owner }: Counter): string {
  return `keyplane:${kind}:${owner}`;
}
