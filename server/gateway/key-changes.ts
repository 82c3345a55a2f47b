import { performance } from "node:perf_hooks";
import { within } from "../deadline.ts";
import type { Logger } from "../log.ts";
import { changeChannel, pruneChanges, recentChanges } from "../store/changes.ts";
import type { Database } from "../store/database.ts";
import type { KeyCache, KeyChange } from "./key-cache.ts";

/** Half of the second within which a change must be obeyed when its notification is lost. */
const pollIntervalMs = 500;

/** Of a query that takes a millisecond. A connection whose packets are dropped would keep it waiting for a quarter of an hour. */
const queryTimeoutMs = 5_000;

const pruneIntervalMs = 10 * 60_000;

/**
 * Carries the changes of other replicas to the cache: notifications within milliseconds, and behind them a poll, which
 * is the truth.
 */
export class KeyChanges {
  readonly #database: Database;
  readonly #cache: KeyCache;
  readonly #logger: Logger;
  #seen = new Set<bigint>();
  #reachedAtMs = 0;
  #prunedAtMs = Date.now();
  #timer: NodeJS.Timeout | undefined;
  #polling: Promise<void> = Promise.resolve();
  #unlisten: (() => Promise<void>) | undefined;
  #closed = false;

  constructor(database: Database, cache: KeyCache, logger: Logger) {
    this.#database = database;
    this.#cache = cache;
    this.#logger = logger;
  }

  /** Milliseconds since the database last said what had changed. */
  get stalenessMs(): number {
    return performance.now() - this.#reachedAtMs;
  }

  async start(): Promise<void> {
    await this.#poll();
    this.#schedule();
    this.#unlisten = await this.#database.listen(changeChannel, (payload) =>
      this.#cache.drop(JSON.parse(payload) as KeyChange),
    );
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    await this.#polling;
    // A database that is silent would be waited for; its end of the connection ends with ours.
    await within(this.#unlisten?.() ?? Promise.resolve(), queryTimeoutMs, "stop listening").catch(
      () => undefined,
    );
  }

  #schedule(): void {
    if (this.#closed) return;
    this.#timer = setTimeout(() => {
      this.#polling = this.#tick();
    }, pollIntervalMs);
  }

  async #tick(): Promise<void> {
    try {
      await this.#poll();
    } catch (error) {
      this.#logger.debug(
        { reason: error instanceof Error ? error.message : String(error) },
        "cannot read changes of keys",
      );
    }
    this.#schedule();
  }

  async #poll(): Promise<void> {
    const askedAtMs = performance.now();
    const changes = await within(recentChanges(this.#database.sql), queryTimeoutMs, "read changes");
    // Away for longer than the poll looks back: what changed meanwhile is not known.
    if (askedAtMs - this.#reachedAtMs > 25_000 && this.#reachedAtMs > 0) this.#cache.clear();
    for (const change of changes) if (!this.#seen.has(change.id)) this.#cache.drop(change);
    this.#seen = new Set(changes.map((change) => change.id));
    this.#reachedAtMs = askedAtMs;
    await this.#prune();
  }

  async #prune(): Promise<void> {
    if (Date.now() - this.#prunedAtMs < pruneIntervalMs) return;
    this.#prunedAtMs = Date.now();
    await within(pruneChanges(this.#database.sql), queryTimeoutMs, "forget old changes");
  }
}
