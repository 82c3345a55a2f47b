import { isRefusal, type RedisConnection } from "./redis-connection.ts";

/** Leases that one script renews. Redis does nothing else meanwhile: for about a millisecond and a half. */
const renewalSize = 500;

/** What the script that gives back takes for each key with a lease. */
export const leaseWords: readonly string[] = ["", ""];

/**
 * The slots of this replica at the parallel counters in Redis. A lease is renewed as long as its call is in flight; those
 * of a replica that died lapse.
 */
export class RedisLeases {
  readonly #connection: RedisConnection;
  readonly #leaseMs: number;
  readonly #renewing: NodeJS.Timeout;
  /** The keys of each slot in flight. */
  readonly #held = new Map<string, readonly string[]>();
  /** Those of slots that are nobody's, yet may stand in Redis: it went away while they were taken or given back. */
  readonly #orphans = new Map<string, readonly string[]>();

  constructor(connection: RedisConnection, leaseMs: number) {
    this.#connection = connection;
    this.#leaseMs = leaseMs;
    // A third, so that one renewal may be lost and another late.
    this.#renewing = setInterval(() => this.#renew(), leaseMs / 3);
    this.#renewing.unref();
  }

  hold(slotId: string, keys: readonly string[]): void {
    if (keys.length > 0) this.#held.set(slotId, keys);
  }

  letGo(slotId: string): void {
    this.#held.delete(slotId);
  }

  /** Of a slot that Redis may or may not have: it is given back when Redis is there again. */
  disown(slotId: string, keys: readonly string[]): void {
    this.#held.delete(slotId);
    if (keys.length > 0) this.#orphans.set(slotId, keys);
  }

  /** For a Redis that is there again, maybe without anything that it knew. */
  catchUp(): void {
    this.#renew();
    const orphans = [...this.#orphans];
    this.#orphans.clear();
    for (const [slotId, keys] of orphans)
      this.#connection
        .giveBack(keys, [slotId, ...keys.flatMap(() => leaseWords)])
        .catch((error) => isRefusal(error) || this.disown(slotId, keys));
  }

  close(): void {
    clearInterval(this.#renewing);
  }

  #renew(): void {
    if (!this.#connection.isReady) return;
    for (const [key, slotIds] of this.#slotsByKey())
      for (let first = 0; first < slotIds.length; first += renewalSize)
        this.#connection.renew(key, [this.#leaseMs, ...slotIds.slice(first, first + renewalSize)]);
  }

  #slotsByKey(): Map<string, string[]> {
    const slotsByKey = new Map<string, string[]>();
    for (const [slotId, keys] of this.#held)
      for (const key of keys) {
        const slotIds = slotsByKey.get(key);
        if (slotIds) slotIds.push(slotId);
        else slotsByKey.set(key, [slotId]);
      }
    return slotsByKey;
  }
}
