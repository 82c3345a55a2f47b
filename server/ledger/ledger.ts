import type { Logger } from "../log.ts";
import { redact } from "../log.ts";
import type { SqlPool } from "../store/database.ts";
import { ensurePartition, insertSpend, partitionOf, type SpendRow } from "../store/spend.ts";

/** Rows that may wait for a database that is away: at about 1 KB each, 200 MB. At the bound calls are refused, none is lost. */
const capacity = 200_000;

/** Rows in one statement: large enough that its cost is shared, small enough to finish well within a flush interval. */
const batchSize = 1_000;

const longestBackoffMs = 5_000;

export interface LedgerSettings {
  readonly flushIntervalMs: number;
}

/**
 * Takes finished attempts and brings them to Postgres in batches. A batch stays until Postgres has confirmed it; one
 * that is sent twice counts once, by the ids of its rows.
 */
export class Ledger {
  readonly #sql: SqlPool;
  readonly #logger: Logger;
  readonly #intervalMs: number;
  readonly #partitions = new Set<string>();
  #waiting: SpendRow[] = [];
  #sending: Promise<void> | undefined;
  #timer: NodeJS.Timeout | undefined;
  #failures = 0;

  constructor(sql: SqlPool, logger: Logger, settings: LedgerSettings) {
    this.#sql = sql;
    this.#logger = logger;
    this.#intervalMs = settings.flushIntervalMs;
  }

  /** Whether no further call may be admitted, because its row would have nowhere to wait. */
  get isFull(): boolean {
    return this.#waiting.length >= capacity;
  }

  record(row: SpendRow): void {
    this.#waiting.push(row);
    this.#schedule();
  }

  /** Sends everything that waits. Rejects with the database's error; the rows stay and are tried again. */
  async flush(): Promise<void> {
    await this.#sending?.catch(() => undefined);
    while (this.#waiting.length > 0) await this.#send();
  }

  /** Stops the clock. What still waits is gone with the process: flush first. */
  close(): void {
    clearTimeout(this.#timer);
  }

  #schedule(): void {
    if (this.#timer) return;
    const backoffMs = this.#failures === 0 ? 0 : Math.min(longestBackoffMs, 100 * 2 ** this.#failures);
    this.#timer = setTimeout(() => void this.#tick(), this.#intervalMs + backoffMs);
  }

  async #tick(): Promise<void> {
    try {
      await this.flush();
    } catch (error) {
      const message = error instanceof Error ? redact(error.message) : String(error);
      this.#logger.warn({ waiting: this.#waiting.length, failures: this.#failures, message }, "cannot write spend: it is kept and tried again");
    }
    this.#timer = undefined;
    if (this.#waiting.length > 0) this.#schedule();
  }

  async #send(): Promise<void> {
    const batch = this.#waiting.slice(0, batchSize);
    this.#sending = this.#write(batch);
    try {
      await this.#sending;
      this.#waiting = this.#waiting.slice(batch.length);
      this.#failures = 0;
    } catch (error) {
      this.#failures += 1;
      throw error;
    } finally {
      this.#sending = undefined;
    }
  }

  async #write(rows: readonly SpendRow[]): Promise<void> {
    try {
      await this.#ensurePartitions(rows);
      await insertSpend(this.#sql, rows);
    } catch (error) {
      if (!isRefusedValue(error)) throw error;
      await this.#writeAround(rows, error);
    }
  }

  /** One row that Postgres will never take must not hold up the others: halves are tried until it stands alone. */
  async #writeAround(rows: readonly SpendRow[], error: unknown): Promise<void> {
    // A partition may have been dropped since it was made: that, too, reads as a refused value.
    this.#partitions.clear();
    if (rows.length === 1) {
      this.#logger.error({ row: rows[0], message: error instanceof Error ? error.message : String(error) }, "Postgres refuses this spend row: it is written here instead");
      return;
    }
    const middle = Math.ceil(rows.length / 2);
    await this.#write(rows.slice(0, middle));
    await this.#write(rows.slice(middle));
  }

  async #ensurePartitions(rows: readonly SpendRow[]): Promise<void> {
    for (const row of rows) {
      const { name } = partitionOf(row.started_at);
      if (this.#partitions.has(name)) continue;
      await ensurePartition(this.#sql, row.started_at);
      this.#partitions.add(name);
    }
  }
}

/** SQLSTATE classes 22 and 23: the value itself is at fault, and no retry mends it. */
function isRefusedValue(error: unknown): boolean {
  return error instanceof Error && "code" in error && /^2[23]/.test(String(error.code));
}
