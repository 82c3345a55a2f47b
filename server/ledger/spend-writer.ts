import postgres from "postgres";
import { within } from "../deadline.ts";
import type { Logger } from "../log.ts";
import type { SqlPool } from "../store/database.ts";
import {
  ensurePartition,
  insertSpend,
  momentOf,
  type Partition,
  partitionOf,
  type SpendBatch,
  type WindowStanding,
} from "../store/spend.ts";
import { idOf } from "./attempt-json.ts";

/** A connection whose packets are dropped answers nothing for a quarter of an hour; a batch takes milliseconds. */
const statementTimeoutMs = 30_000;

/** Rows in one statement: above some hundred larger ones are no cheaper, and each holds up the event loop for longer. */
const batchSize = 500;

/** Batches on their way at once, where an outage or a dead process has left many: Postgres has more than one core. */
const lanes = 3;

/** Brings attempts to the database, in batches. One that is sent twice counts once, by the ids of its rows. */
export class SpendWriter {
  readonly #sql: SqlPool;
  readonly #logger: Logger;
  /** Those that are known to exist, the months that rows are of. */
  #partitions: Partition[] = [];

  constructor(sql: SqlPool, logger: Logger) {
    this.#sql = sql;
    this.#logger = logger;
  }

  /** @throws Error of the database, when it is away for one; what it did not confirm is to be sent again */
  async write(batch: SpendBatch, onStanding: (standing: WindowStanding) => void): Promise<void> {
    let next = 0;
    const drive = async () => {
      while (next < batch.rows.length) {
        const rows = batch.rows.slice(next, next + batchSize);
        next += batchSize;
        for (const standing of await this.#insert({ ...batch, rows })) onStanding(standing);
      }
    };
    const count = Math.min(lanes, Math.ceil(batch.rows.length / batchSize));
    const driven = await Promise.allSettled(Array.from({ length: count }, drive));
    for (const outcome of driven) if (outcome.status === "rejected") throw outcome.reason;
  }

  async #insert(batch: SpendBatch): Promise<WindowStanding[]> {
    try {
      await this.#ensurePartitions(batch.rows);
      return await within(insertSpend(this.#sql, batch), statementTimeoutMs, "write spend");
    } catch (error) {
      // A partition that was dropped since it was made is made again by the next try.
      if (isMissingPartition(error)) this.#partitions = [];
      if (!isRefusedValue(error)) throw error;
      return this.#insertAround(batch, error);
    }
  }

  /** One row that Postgres will never take must not hold up the others: halves are tried until it stands alone. */
  async #insertAround(batch: SpendBatch, error: Error): Promise<WindowStanding[]> {
    const { rows } = batch;
    const [row] = rows;
    if (row && rows.length === 1) {
      this.#logger.error(
        { row: JSON.parse(row.toString()) as unknown, message: error.message },
        "Postgres refuses this spend row: it is written here instead",
      );
      return [];
    }
    const middle = Math.ceil(rows.length / 2);
    const before = await this.#insert({ ...batch, rows: rows.slice(0, middle) });
    const after = await this.#insert({ ...batch, rows: rows.slice(middle) });
    return [...before, ...after];
  }

  async #ensurePartitions(rows: readonly Buffer[]): Promise<void> {
    for (const row of rows) {
      const atMs = momentOf(idOf(row));
      if (this.#partitions.some(({ fromMs, toMs }) => atMs >= fromMs && atMs < toMs)) continue;
      const partition = partitionOf(new Date(atMs));
      await within(ensurePartition(this.#sql, partition), statementTimeoutMs, "make a partition");
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
