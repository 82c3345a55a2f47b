import { setTimeout as sleep } from "node:timers/promises";
import { within } from "../deadline.ts";
import { type Logger, redact } from "../log.ts";
import type { SqlPool } from "../store/database.ts";
import {
  bookLapsed,
  endReplica,
  findElders,
  releaseLapsed,
  renewReplica,
  retireReplica,
} from "../store/replicas.ts";

/** A replica that has not been heard of for 15 seconds counts as gone: three of these may be lost. */
const longestBeatMs = 5_000;

const queryTimeoutMs = 5_000;

const elderPollMs = 250;

export interface ReplicaSettings {
  readonly id: string;
  /** How long what it holds of budgets is good for without being renewed. */
  readonly allowanceTtlMs: number;
  /** What a replica that vanished held is booked as lost, not released. */
  readonly isStrict: boolean;
  /** The database knew this replica no longer: its allowances are gone. */
  readonly onForfeit: () => void;
  /** What else is to be looked after at every beat. */
  readonly onBeat: () => Promise<void>;
  readonly logger: Logger;
}

/** This process, as the others see it: its sign of life, and what follows when there has been none from one of them. */
export class Replica {
  readonly #sql: SqlPool;
  readonly #settings: ReplicaSettings;
  /** On the monotonic clock, when the last renewal that succeeded had been sent. */
  #renewedAtMs = -Infinity;
  #timer: NodeJS.Timeout | undefined;
  #beating: Promise<void> = Promise.resolve();
  #isClosed = false;

  constructor(sql: SqlPool, settings: ReplicaSettings) {
    this.#sql = sql;
    this.#settings = settings;
  }

  get id(): string {
    return this.#settings.id;
  }

  /** Whether calls may be admitted against what it holds: not when that is about to lapse. */
  get holdsGood(): boolean {
    const { allowanceTtlMs } = this.#settings;
    // Before the end by half a minute of the default ten: a clock here and one there do not run alike.
    return performance.now() - this.#renewedAtMs < allowanceTtlMs * 0.95;
  }

  async start(): Promise<void> {
    await this.#renew();
    this.#schedule();
  }

  /**
   * Whether no other replica serves from this database. One that was heard of lately may have died: it is waited for until
   * it shows another sign of life, or has shown none for too long.
   */
  async isAlone(): Promise<boolean> {
    const seen = new Map<string, string>();
    for (;;) {
      const elders = await within(findElders(this.#sql, this.id), queryTimeoutMs, "find replicas");
      if (elders.length === 0) return true;
      for (const { id, seen_at } of elders) {
        if ((seen.get(id) ?? seen_at) !== seen_at) return false;
        seen.set(id, seen_at);
      }
      await sleep(elderPollMs);
    }
  }

  /** It serves no longer. */
  async retire(): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    await this.#beating;
    await within(retireReplica(this.#sql, this.id), queryTimeoutMs, "say goodbye");
  }

  /** Nothing of it is left to be written down: what it holds goes back. */
  async end(): Promise<void> {
    await within(endReplica(this.#sql, this.id), queryTimeoutMs, "give everything back");
  }

  #schedule(): void {
    if (this.#isClosed) return;
    const beatMs = Math.min(longestBeatMs, this.#settings.allowanceTtlMs / 5);
    this.#timer = setTimeout(() => {
      this.#beating = this.#beat();
    }, beatMs);
    this.#timer.unref();
  }

  async #beat(): Promise<void> {
    try {
      await this.#renew();
      await this.#endLapsed();
      await this.#settings.onBeat();
    } catch (error) {
      const reason = error instanceof Error ? redact(error.message) : String(error);
      this.#settings.logger.debug({ reason }, "cannot tell the database that this replica lives");
    }
    this.#schedule();
  }

  async #renew(): Promise<void> {
    const sentAtMs = performance.now();
    const ttlS = this.#settings.allowanceTtlMs / 1000;
    const isNew = await within(
      renewReplica(this.#sql, this.id, ttlS),
      queryTimeoutMs,
      "renew this replica",
    );
    // After so long it may have been new to the one before too, whose answer was lost.
    const hasLapsed = isNew || sentAtMs - this.#renewedAtMs >= this.#settings.allowanceTtlMs;
    if (hasLapsed && this.#renewedAtMs > 0) this.#settings.onForfeit();
    this.#renewedAtMs = sentAtMs;
  }

  async #endLapsed(): Promise<void> {
    const { isStrict, logger } = this.#settings;
    const ended = await within(
      isStrict ? bookLapsed(this.#sql) : releaseLapsed(this.#sql),
      queryTimeoutMs,
      "end replicas that vanished",
    );
    for (const replicaId of ended)
      logger.warn(
        { replicaId },
        isStrict
          ? "a replica vanished: what it held of budgets is booked as lost"
          : "a replica vanished: what it held of budgets is released",
      );
  }
}
