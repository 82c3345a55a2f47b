import postgres from "postgres";
import { within } from "../deadline.ts";
import type { Logger } from "../log.ts";
import type { SqlPool } from "../store/database.ts";
import {
  ensurePartition,
  insertSpend,
  momentOf,
  partitionOf,
  type SpendBatch,
  type WindowStanding,
} from "../store/spend.ts";
import type { Rows } from "./rows.ts";

/** A connection whose packets are dropped answers nothing for a quarter of an hour; a batch takes milliseconds. */
const statementTimeoutMs = 30_000;

/** Rows in one statement: above some hundred larger ones are no cheaper, and each holds up the event loop for longer. */
const batchSize = 500;

/** Batches on their way at once, where an outage or a dead process has left many: Postgres has more than one core. */
const lanes = 3;

/** Finished attempts, all of which are written in as many statements as it takes. */
export interface Spend extends Omit<SpendBatch, "rows"> {
  readonly rows: Rows;
}

/** Those of them that one statement writes: from one, up to another that is not among them. */
interface Range {
  readonly from: number;
  readonly to: number;
}

/** Brings attempts to the database, in batches. One that is sent twice counts once, by the ids of its rows. */
export class SpendWriter {
  readonly #sql: SqlPool;
  readonly #logger: Logger;

  constructor(sql: SqlPool, logger: Logger) {
    this.#sql = sql;
    this.#logger = logger;
  }

  /** @throws Error of the database, when it is away for one; what it did not confirm is to be sent again */
  async write(spend: Spend, onStanding: (standing: WindowStanding) => void): Promise<void> {
    const { count } = spend.rows;
    let next = 0;
    const drive = async () => {
      while (next < count) {
        const range = { from: next, to: Math.min(next + batchSize, count) };
        next = range.to;
        for (const standing of await this.#insert(spend, range)) onStanding(standing);
      }
    };
    const drives = Array.from({ length: Math.min(lanes, Math.ceil(count / batchSize)) }, drive);
    for (const outcome of await Promise.allSettled(drives))
      if (outcome.status === "rejected") throw outcome.reason;
  }

  async #insert(spend: Spend, range: Range): Promise<WindowStanding[]> {
    try {
      return await this.#insertIntoPartitions(spend, range);
    } catch (error) {
      if (!isRefusedValue(error)) throw error;
      return this.#insertAround(spend, range, error);
    }
  }

  /** One row that Postgres will never take must not hold up the others: halves are tried until it stands alone. */
  async #insertAround(spend: Spend, range: Range, error: Error): Promise<WindowStanding[]> {
    const { from, to } = range;
    if (to - from === 1) {
      const [row] = parsed(spend.rows, range);
      this.#logger.error(
        { row, message: error.message },
        "Postgres refuses this spend row: it is written here instead",
      );
      return [];
    }
    const middle = Math.ceil((from + to) / 2);
    const before = await this.#insert(spend, { from, to: middle });
    const after = await this.#insert(spend, { from: middle, to });
    return [...before, ...after];
  }

  /** A partition is missing once a month: to look for it before would cost something for every row. */
  async #insertIntoPartitions(spend: Spend, range: Range): Promise<WindowStanding[]> {
    try {
      return await this.#insertNow(spend, range);
    } catch (error) {
      if (!isMissingPartition(error)) throw error;
      await this.#makePartitions(spend.rows, range);
      return this.#insertNow(spend, range);
    }
  }

  #insertNow(spend: Spend, { from, to }: Range): Promise<WindowStanding[]> {
    const batch = { ...spend, rows: spend.rows.text(from, to) };
    return within(insertSpend(this.#sql, batch), statementTimeoutMs, "write spend");
  }

  async #makePartitions(rows: Rows, range: Range): Promise<void> {
    const months = new Map(
      parsed(rows, range).map(({ id }) => {
        const partition = partitionOf(new Date(momentOf(id)));
        return [partition.name, partition];
      }),
    );
    for (const partition of months.values())
      await within(ensurePartition(this.#sql, partition), statementTimeoutMs, "make a partition");
  }
}

function parsed(rows: Rows, { from, to }: Range): { readonly id: string }[] {
  return JSON.parse(`[${rows.text(from, to)}]`);
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
