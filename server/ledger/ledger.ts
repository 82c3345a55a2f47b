import { setTimeout as sleep } from "node:timers/promises";
import postgres from "postgres";
import type { Logger } from "../log.ts";
import { redact } from "../log.ts";
import { within } from "../deadline.ts";
import type { SqlPool } from "../store/database.ts";
import {
  ensurePartition,
  insertSpend,
  type Partition,
  partitionOf,
  type SpendLine,
  type SpendRow,
  toSpendLine,
} from "../store/spend.ts";

/** At about 1 KB a row, 200 MB. */
const defaultCapacity = 200_000;

/** Rows in one statement: making it holds up every call for 7 µs a row, and above some hundred rows larger ones are no cheaper. */
const batchSize = 250;

const longestBackoffMs = 5_000;

/** A connection whose packets are dropped answers nothing for a quarter of an hour; a batch takes milliseconds. */
const statementTimeoutMs = 30_000;

/** Between two tries of a drain. */
const retryMs = 100;

export interface LedgerSettings {
  readonly flushIntervalMs: number;
  /** Rows that may wait for a database that is away, 200,000 by default. At the bound calls are refused, none is lost. */
  readonly capacity?: number;
}

/**
 * Takes finished attempts and brings them to Postgres in batches. A batch stays until Postgres has confirmed it; one
 * that is sent twice counts once, by the ids of its rows.
 */
export class Ledger {
  readonly #sql: SqlPool;
  readonly #logger: Logger;
  readonly #intervalMs: number;
  readonly #capacity: number;
  /** Those that are known to exist, the months that rows are of. */
  #partitions: Partition[] = [];
  #waiting: SpendLine[] = [];
  #sending: Promise<void> | undefined;
  #timer: NodeJS.Timeout | undefined;
  #failures = 0;
  #closed = false;

  constructor(
    sql: SqlPool,
    logger: Logger,
    { flushIntervalMs, capacity = defaultCapacity }: LedgerSettings,
  ) {
    this.#sql = sql;
    this.#logger = logger;
    this.#intervalMs = flushIntervalMs;
    this.#capacity = capacity;
  }

  /** Whether no further call may be admitted, because its row would have nowhere to wait. */
  get isFull(): boolean {
    return this.#waiting.length >= this.#capacity;
  }

  record(row: SpendRow): void {
    this.#waiting.push(toSpendLine(row));
    this.#schedule();
  }

  /** Sends everything recorded so far. Rejects with the database's error; the rows stay and are tried again. */
  async flush(): Promise<void> {
    // What is on its way may have left without the latest rows, and may fail for a reason that is soon over.
    await this.#sending?.catch(() => undefined);
    // One at a time, or two would send the same rows and each take as many off the list: what others began while
    // this waited began after the call, and so holds all that it must.
    this.#sending ??= this.#sendWaiting().finally(() => (this.#sending = undefined));
    await this.#sending;
  }

  /**
   * Sends what waits before the process ends, trying again while the database is away, and stops the clock. Rows that
   * cannot be written in time are written to the log, whole: it is the last place that is left.
   */
  async drain(timeoutMs: number): Promise<void> {
    const deadlineMs = performance.now() + timeoutMs;
    while (this.#waiting.length > 0 && performance.now() < deadlineMs) {
      const remainingMs = deadlineMs - performance.now();
      await within(this.flush(), remainingMs, "write spend").catch(() => sleep(retryMs));
    }
    this.close();
    for (const { text } of this.#waiting)
      this.#logger.error(
        { row: JSON.parse(text) as unknown },
        "spend row not written: the database is away",
      );
  }

  /** Stops the clock. What still waits is gone with the process. */
  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
  }

  #schedule(): void {
    if (this.#timer || this.#closed) return;
    const backoffMs =
      this.#failures === 0 ? 0 : Math.min(longestBackoffMs, 100 * 2 ** this.#failures);
    this.#timer = setTimeout(() => void this.#tick(), this.#intervalMs + backoffMs);
  }

  async #tick(): Promise<void> {
    try {
      await this.flush();
    } catch (error) {
      const message = error instanceof Error ? redact(error.message) : String(error);
      this.#logger.warn(
        { waiting: this.#waiting.length, failures: this.#failures, message },
        "cannot write spend: it is kept and tried again",
      );
    }
    this.#timer = undefined;
    if (this.#waiting.length > 0) this.#schedule();
  }

  /** Not until nothing waits: under load that never comes, and chasing it would send ever smaller batches. */
  async #sendWaiting(): Promise<void> {
    for (let due = this.#waiting.length; due > 0; due -= batchSize) await this.#sendBatch();
  }

  async #sendBatch(): Promise<void> {
    const batch = this.#waiting.slice(0, batchSize);
    try {
      await this.#write(batch);
    } catch (error) {
      this.#failures += 1;
      throw error;
    }
    this.#waiting = this.#waiting.slice(batch.length);
    this.#failures = 0;
  }

  async #write(lines: readonly SpendLine[]): Promise<void> {
    try {
      await this.#ensurePartitions(lines);
      await within(insertSpend(this.#sql, lines), statementTimeoutMs, "write spend");
    } catch (error) {
      // A partition that was dropped since it was made is made again by the next try.
      if (isMissingPartition(error)) this.#partitions = [];
      if (!isRefusedValue(error)) throw error;
      await this.#writeAround(lines, error);
    }
  }

  /** One row that Postgres will never take must not hold up the others: halves are tried until it stands alone. */
  async #writeAround(lines: readonly SpendLine[], error: Error): Promise<void> {
    const [line] = lines;
    if (line && lines.length === 1) {
      this.#logger.error(
        { row: JSON.parse(line.text) as unknown, message: error.message },
        "Postgres refuses this spend row: it is written here instead",
      );
      return;
    }
    const middle = Math.ceil(lines.length / 2);
    await this.#write(lines.slice(0, middle));
    await this.#write(lines.slice(middle));
  }

  async #ensurePartitions(lines: readonly SpendLine[]): Promise<void> {
    for (const { atMs } of lines) {
      if (this.#partitions.some(({ fromMs, toMs }) => atMs >= fromMs && atMs < toMs)) continue;
      const partition = partitionOf(new Date(atMs));
      await ensurePartition(this.#sql, partition);
      this.#partitions.push(partition);
    }
  }
}

/** A check that no constraint has the name of: the row fits into no partition. */
function isMissingPartition(error: unknown): boolean {
  return (
    error instanceof postgres.PostgresError &&
    error.code === "23514" &&
    error.constraint_name === undefined
  );
}

/** SQLSTATE classes 22, 23 and 54 (beyond a limit, such as the length of what is indexed): the value is at fault, and no retry mends it. */
function isRefusedValue(error: unknown): error is postgres.PostgresError {
  return (
    error instanceof postgres.PostgresError &&
    /^(22|23|54)/.test(error.code) &&
    !isMissingPartition(error)
  );
}
