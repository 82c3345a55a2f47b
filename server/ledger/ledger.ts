import { setTimeout as sleep } from "node:timers/promises";
import type { Picodollars } from "../../shared/money.ts";
import { within } from "../deadline.ts";
import { type Logger, redact } from "../log.ts";
import type { SqlPool } from "../store/database.ts";
import type { WindowStanding } from "../store/spend.ts";
import {
  interruptedColumns,
  openColumns,
  type Opening,
  type Owner,
  ownerColumns,
  settledColumns,
  type Settlement,
  type Target,
  targetColumns,
} from "./attempt-json.ts";
import type { Journal, Sealed } from "./journal.ts";
import { readLines } from "./lines.ts";
import { Rows } from "./rows.ts";
import type { OpenLine, Segment } from "./segment.ts";
import { SpendWriter } from "./spend-writer.ts";

const longestBackoffMs = 5_000;

/** Between two tries of a drain. */
const retryMs = 100;

/** While the database is away a segment grows to this before the next is begun: it is read in one piece. */
const largeSegmentBytes = 8 * 1024 * 1024;

/** An attempt between its beginning and its end. */
export interface Entry {
  readonly opening: Opening;
  /** Those of its row that are known already. */
  readonly columns: string;
  /** Its line in the journal; undefined for one that calls no upstream. */
  readonly line: OpenLine | undefined;
  /** It could not be written down and goes on nevertheless: nothing is charged for it. */
  readonly isDropped: boolean;
}

/** Who keeps the other side of the account: what this replica holds of budget windows. */
export interface WindowAccount {
  /** How a window stood when rows that it admitted had been written. */
  stood(standing: WindowStanding): void;
  /** These costs, by window, are in the database now. */
  flushed(costs: ReadonlyMap<number, Picodollars>): void;
}

export interface LedgerSettings {
  readonly replicaId: string;
  readonly flushIntervalMs: number;
  /** What happens to an attempt that cannot be written down. One that a budget admitted is refused in any case. */
  readonly whenJournalFull: "refuse" | "drop";
}

/**
 * Takes upstream attempts, from before they leave until their rows are in Postgres: journal first, then the database, in
 * batches. A segment of the journal stays until Postgres has confirmed its rows.
 */
export class Ledger {
  readonly #journal: Journal;
  readonly #writer: SpendWriter;
  readonly #windows: WindowAccount;
  readonly #logger: Logger;
  readonly #settings: LedgerSettings;
  readonly #ownerColumns = new WeakMap<Owner, string>();
  readonly #targetColumns = new WeakMap<Target, string>();
  #queue: Sealed[] = [];
  #sending: Promise<void> | undefined;
  #timer: NodeJS.Timeout | undefined;
  #failures = 0;
  #closed = false;
  /** Since the last tick, and until then. */
  #dropped = 0;
  #droppedBefore = 0;
  #waitingSinceMs: number | undefined;

  constructor(
    sql: SqlPool,
    journal: Journal,
    { windows, logger, ...settings }: LedgerSettings & { windows: WindowAccount; logger: Logger },
  ) {
    this.#journal = journal;
    this.#writer = new SpendWriter(sql, logger);
    this.#windows = windows;
    this.#logger = logger;
    this.#settings = settings;
  }

  /** Attempts that ended and are not known to be in the database. */
  get waiting(): number {
    return this.#queue.reduce((sum, { segment }) => sum + segment.rows, this.#journal.rows);
  }

  /** Calls that went on though they could not be written down. */
  get dropped(): number {
    return this.#droppedBefore + this.#dropped;
  }

  /** How long the oldest of those has been waiting. */
  get lagMs(): number {
    return this.#waitingSinceMs === undefined ? 0 : performance.now() - this.#waitingSinceMs;
  }

  /** Begins an attempt that leaves nothing behind if it is never settled: it calls no upstream. */
  enter(opening: Opening): Entry {
    return { opening, columns: this.#columnsOf(opening), line: undefined, isDropped: false };
  }

  /**
   * Begins an attempt and resolves once it is in the journal. Undefined when it cannot be written down: money that cannot
   * be accounted for is not spent.
   */
  open(opening: Opening): Promise<Entry | undefined> {
    const columns = this.#columnsOf(opening);
    if (this.#journal.isFull) return Promise.resolve(this.#unwritten(opening, columns));
    const json = columns + interruptedColumns(opening.estimate);
    const { line, isWritten } = this.#journal.open(json, opening.target.rateCard);
    // A view of what was written, which is one text by now: the dozen pieces that it was joined from are not kept as well.
    const written = json.slice(0, columns.length);
    return isWritten.then((is) =>
      is
        ? { opening, columns: written, line, isDropped: false }
        : this.#unwritten(opening, written),
    );
  }

  /** Ends an attempt, once. Resolves when that is in the journal; whoever reads the reply may be told then. */
  settle(entry: Entry, settlement: Settlement): Promise<boolean> {
    this.#waitingSinceMs ??= performance.now();
    this.#schedule();
    if (entry.isDropped) return Promise.resolve(false);
    const { opening, columns, line } = entry;
    return this.#journal.settle(line, {
      json: columns + settledColumns(settlement),
      rateCard: opening.target.rateCard,
      windows: opening.windows,
      cost: settlement.cost ?? 0n,
    });
  }

  /** Sends everything settled so far. Rejects with the database's error; the rows stay and are tried again. */
  async flush(): Promise<void> {
    // What is on its way may have left without the latest rows, and may fail for a reason that is soon over.
    await this.#sending?.catch(() => undefined);
    // One at a time: what others began while this waited began after the call, and so holds all that it must.
    this.#sending ??= this.#sendAll().finally(() => (this.#sending = undefined));
    await this.#sending;
  }

  /**
   * Sends what waits before the process ends, trying again while the database is away, and stops the clock. What could not
   * be sent in time stays in the journal, for the next process; what could not be written there is written to the log.
   *
   * @returns whether everything is in the database
   */
  async drain(timeoutMs: number): Promise<boolean> {
    const deadlineMs = performance.now() + timeoutMs;
    while (this.waiting > 0 && performance.now() < deadlineMs) {
      const remainingMs = deadlineMs - performance.now();
      await within(this.flush(), remainingMs, "write spend").catch(() => sleep(retryMs));
    }
    this.close();
    const unsent = await this.#journal.seal();
    if (unsent) this.#queue.push(unsent);
    for (const { tail } of this.#queue)
      for (const row of endedIn(tail))
        this.#logger.error(
          { row: JSON.parse(row.toString()) as unknown },
          "spend row not written: neither the database nor the journal takes it",
        );
    return this.waiting === 0;
  }

  /** Stops the clock. */
  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
  }

  #unwritten(opening: Opening, columns: string): Entry | undefined {
    if (this.#settings.whenJournalFull === "refuse" || opening.windows.length > 0) return undefined;
    this.#dropped += 1;
    return { opening, columns, line: undefined, isDropped: true };
  }

  #columnsOf(opening: Opening): string {
    const { owner, target } = opening;
    return openColumns(
      opening,
      memoized(this.#ownerColumns, owner, ownerColumns),
      memoized(this.#targetColumns, target, targetColumns),
    );
  }

  #schedule(): void {
    if (this.#timer || this.#closed) return;
    const backoffMs =
      this.#failures === 0 ? 0 : Math.min(longestBackoffMs, 100 * 2 ** this.#failures);
    this.#timer = setTimeout(() => void this.#tick(), this.#settings.flushIntervalMs + backoffMs);
  }

  async #tick(): Promise<void> {
    if (this.#dropped > 0)
      this.#logger.error(
        { calls: this.#dropped },
        "calls went on that the journal had no room for: they are not accounted for",
      );
    this.#droppedBefore += this.#dropped;
    this.#dropped = 0;
    try {
      await this.flush();
      await this.#journal.carryOver();
    } catch (error) {
      const message = error instanceof Error ? redact(error.message) : String(error);
      this.#logger.warn(
        { waiting: this.waiting, failures: this.#failures, message },
        "cannot write spend: it is kept and tried again",
      );
    }
    this.#timer = undefined;
    if (this.waiting > 0 || this.#journal.segments > 1) this.#schedule();
  }

  async #sendAll(): Promise<void> {
    await this.#takeSegment();
    while (this.#queue[0]) {
      try {
        await this.#send(this.#queue[0]);
      } catch (error) {
        this.#failures += 1;
        // An outage may last for hours, and what waits then waits on disk alone.
        this.#queue[0].segment.forgetRecent();
        throw error;
      }
      this.#queue.shift();
      this.#failures = 0;
    }
    this.#waitingSinceMs = this.#journal.rows > 0 ? performance.now() : undefined;
  }

  /** While some wait already, a further one is taken only once it is large, or there would be thousands after an outage. */
  async #takeSegment(): Promise<void> {
    if (
      this.#failures > 0 &&
      this.#queue.length > 0 &&
      this.#journal.currentBytes < largeSegmentBytes
    )
      return;
    const sealed = await this.#journal.seal();
    if (!sealed) return;
    if (this.#failures > 0) sealed.segment.forgetRecent();
    this.#queue.push(sealed);
  }

  async #send({ segment, tail }: Sealed): Promise<void> {
    // To read back what was written a moment ago took more than to send it.
    const rows = segment.recent ?? Rows.from(endedIn(Buffer.concat([await segment.read(), tail])));
    await this.#writer.write(
      {
        rows,
        cards: [...segment.cards.values()],
        replicaId: this.#settings.replicaId,
        windows: [...segment.costs.keys()],
      },
      (standing) => this.#windows.stood(standing),
    );
    if (rows.count < segment.rows) await this.#giveUpOn(segment, rows.count);
    this.#windows.flushed(segment.costs);
    this.#journal.flushed(segment);
  }

  /** The file is not what was written: a copy is left for a person to look at, unless the file is gone. */
  async #giveUpOn(segment: Segment, readable: number): Promise<void> {
    // Whatever is wrong with this one, those after it must not wait.
    const copy = await segment.copyAside().catch(() => undefined);
    this.#logger.error(
      { lost: segment.rows - readable, copy },
      copy === undefined
        ? "a segment of the journal is gone, or cannot be read: what was not sent of it is lost"
        : "a segment of the journal is corrupt: the rest of it is set aside",
    );
  }
}

function endedIn(bytes: Buffer): Buffer[] {
  const { lines } = readLines(bytes);
  return lines.filter(({ kind }) => kind === "S").map(({ json }) => json);
}

/** The columns of an owner or a target, which are the same for thousands of calls. */
function memoized<Key extends object>(
  known: WeakMap<Key, string>,
  key: Key,
  build: (key: Key) => string,
): string {
  const found = known.get(key);
  if (found !== undefined) return found;
  const built = build(key);
  known.set(key, built);
  return built;
}
