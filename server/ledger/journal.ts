import { join } from "node:path";
import type { Picodollars } from "../../shared/money.ts";
import type { RateCard } from "../../shared/spend.ts";
import type { Logger } from "../log.ts";
import { LineBuffer } from "./lines.ts";
import { Rows } from "./rows.ts";
import { type OpenLine, Segment } from "./segment.ts";

/** A segment whose attempts do not end is written anew after so long, those attempts alone. */
const longestLingerMs = 10_000;

/** What a flush that took long may have left is not kept: this is the rows of some 20,000 attempts. */
const largestSpareBytes = 8 * 1024 * 1024;

export interface JournalSettings {
  /** A folder of this process alone. */
  readonly folder: string;
  /** The first line of every segment. */
  readonly header: string;
  /** Whether a write is over only once the disk has it. */
  readonly synchronizes: boolean;
  /** Size of all segments at which no further attempt is opened. */
  readonly maxBytes: number;
  readonly logger: Logger;
}

/** A segment that takes no more lines, with those that could not be written to it. */
export interface Sealed {
  readonly segment: Segment;
  readonly tail: Buffer;
}

export interface OpenedLine {
  readonly line: OpenLine;
  /** Resolves once it is on disk, or known not to get there. */
  readonly isWritten: Promise<boolean>;
}

/** An attempt that ended, for its journal. */
export interface SettledLine {
  readonly json: string;
  readonly rateCard: RateCard | null;
  readonly windows: readonly number[];
  readonly cost: Picodollars;
}

/**
 * What this process has begun and ended, on disk before anybody is told of it. Lines of one turn of the event loop are
 * written together, so a call costs a fraction of a write.
 */
export class Journal {
  readonly #settings: JournalSettings;
  readonly #pending = new LineBuffer();
  /** Those in the way of dropping: sealed, and in part not in the database or still under way. */
  readonly #sealed = new Set<Segment>();
  /** Attempts whose beginning is appended and not written yet, but for those that are carried over. */
  #opened: OpenLine[] = [];
  #current: Segment | undefined;
  /** Lines of this turn of the event loop, on their way to the disk, and who tells whether they got there. */
  #cycle: Promise<boolean> | undefined;
  #tellCycle: ((outcome: boolean | Promise<boolean>) => void) | undefined;
  #serial = 0;
  /** Memory for rows that is free: megabytes anew for each flush would have V8 collect all of its heap twice as often. */
  #spareRows: Rows | undefined;
  #isFailing = false;

  constructor(settings: JournalSettings) {
    this.#settings = settings;
  }

  /** On disk and about to be. */
  get bytes(): number {
    let sum = (this.#current?.bytes ?? 0) + this.#pending.length;
    for (const { bytes } of this.#sealed) sum += bytes;
    return sum;
  }

  /** Of the segment that is being written. */
  get currentBytes(): number {
    return this.#current?.bytes ?? 0;
  }

  get segments(): number {
    return this.#sealed.size + (this.#current ? 1 : 0);
  }

  /** How long the oldest segment has been waiting; 0 without one. */
  get ageMs(): number {
    const [oldest = this.#current] = this.#sealed;
    return oldest ? performance.now() - oldest.startedAtMs : 0;
  }

  get isFull(): boolean {
    return this.bytes >= this.#settings.maxBytes;
  }

  /** Attempts that ended, in segments that are not sealed. */
  get rows(): number {
    return this.#current?.rows ?? 0;
  }

  /** Writes an attempt down before it leaves. Where that turns out not to be possible it must not leave. */
  open(json: string, rateCard: RateCard | null): OpenedLine {
    const segment = this.#segment();
    const line: OpenLine = { json, segment, hasEnded: false };
    this.#appendCard(segment, rateCard);
    this.#pending.append("O", json);
    segment.open.add(line);
    this.#opened.push(line);
    return { line, isWritten: this.#write() };
  }

  /** Writes down how an attempt ended. Resolves once it is on disk, or known not to get there; it is kept in either case. */
  settle(line: OpenLine | undefined, settled: SettledLine): Promise<boolean> {
    const { json, rateCard, windows, cost } = settled;
    const segment = this.#segment();
    this.#appendCard(segment, rateCard);
    const written = this.#pending.append("S", json);
    segment.recent?.append(written);
    segment.rows += 1;
    for (const window of windows)
      segment.costs.set(window, (segment.costs.get(window) ?? 0n) + cost);
    if (line) {
      line.hasEnded = true;
      segment.ended.push(line);
    }
    return this.#write();
  }

  /** Takes the segment with what has ended since the last time; undefined when nothing has. */
  async seal(): Promise<Sealed | undefined> {
    const segment = this.#current;
    if (!segment || segment.rows === 0) return undefined;
    this.#endCycle();
    const tail = Buffer.from(this.#pending.peek());
    this.#pending.clear();
    this.#current = undefined;
    this.#sealed.add(segment);
    await segment.seal();
    return { segment, tail };
  }

  /** A sealed segment's rows are in the database. It goes, unless an attempt in it is still under way. */
  flushed(segment: Segment): void {
    segment.rows = 0;
    this.#keepRows(segment.forgetRecent());
    for (const line of segment.takeEnded()) this.#close(line);
    this.#dropIfDone(segment);
  }

  /** Writes attempts that are under way for long to the current segment, so that the ones they began in can go. */
  async carryOver(): Promise<void> {
    const dueAtMs = performance.now() - longestLingerMs;
    for (const old of this.#sealed)
      if (old.rows === 0 && old.startedAtMs <= dueAtMs) await this.#carry(old);
  }

  /** Lets go of the files; what is in them stays. */
  async close(): Promise<void> {
    this.#endCycle();
    await this.#current?.seal();
  }

  #segment(): Segment {
    if (this.#current) return this.#current;
    this.#serial += 1;
    const name = `${String(this.#serial).padStart(8, "0")}.journal`;
    this.#current = new Segment(join(this.#settings.folder, name), this.#takeRows());
    this.#pending.append("H", this.#settings.header);
    return this.#current;
  }

  #keepRows(rows: Rows | undefined): void {
    if (!rows || rows.capacity > largestSpareBytes) return;
    rows.clear();
    this.#spareRows = rows;
  }

  #takeRows(): Rows {
    const rows = this.#spareRows ?? new Rows();
    this.#spareRows = undefined;
    return rows;
  }

  #appendCard(segment: Segment, card: RateCard | null): void {
    if (!card || segment.cards.has(card.id)) return;
    const json = JSON.stringify(card);
    segment.cards.set(card.id, json);
    this.#pending.append("C", json);
  }

  #close(line: OpenLine): void {
    line.segment.open.delete(line);
    this.#dropIfDone(line.segment);
  }

  /** Writes what is under way in a segment to the current one, and moves it there unless it has ended meanwhile. */
  async #carry(old: Segment): Promise<void> {
    const lines = [...old.open].filter(({ hasEnded }) => !hasEnded);
    if (lines.length === 0) return;
    const segment = this.#segment();
    for (const line of lines) {
      this.#pending.append("O", line.json);
      // Before it is written, or a flush meanwhile could let the segment go.
      segment.open.add(line);
    }
    const isWritten = await this.#write();
    for (const line of lines)
      if (isWritten && old.open.delete(line)) line.segment = segment;
      else segment.open.delete(line);
    this.#dropIfDone(old);
    this.#dropIfDone(segment);
  }

  #dropIfDone(segment: Segment): void {
    if (segment.rows > 0 || segment.open.size > 0 || !this.#sealed.delete(segment)) return;
    segment.remove();
  }

  /** Everything appended so far, in one write for all who ask within a turn of the event loop. */
  #write(): Promise<boolean> {
    this.#cycle ??= new Promise((resolve) => {
      this.#tellCycle = resolve;
      setImmediate(() => this.#endCycle(resolve));
    });
    return this.#cycle;
  }

  /** Before its turn is over where a segment is sealed: those who wait are told of their own lines, not of later ones. */
  #endCycle(tell = this.#tellCycle): void {
    if (tell !== this.#tellCycle) return;
    this.#cycle = undefined;
    this.#tellCycle = undefined;
    const segment = this.#pending.length > 0 ? this.#current : undefined;
    const outcome = segment ? this.#writeNow(segment) : true;
    tell?.(outcome);
  }

  #writeNow(segment: Segment): boolean | Promise<boolean> {
    const opened = this.#opened;
    this.#opened = [];
    try {
      segment.write(this.#pending.peek());
    } catch (error) {
      // Attempts that were not written down do not leave; those that ended wait here for the next write.
      this.#pending.remove("O");
      return this.#failed(error, opened);
    }
    this.#pending.clear();
    const ended = segment.takeEnded();
    if (!this.#settings.synchronizes) return this.#succeeded(ended);
    return segment.synchronize().then(
      () => this.#succeeded(ended),
      (error: unknown) => this.#failed(error, [...opened, ...ended]),
    );
  }

  #succeeded(ended: readonly OpenLine[]): true {
    for (const line of ended) this.#close(line);
    if (this.#isFailing) this.#settings.logger.info("the journal can be written again");
    this.#isFailing = false;
    return true;
  }

  #failed(error: unknown, over: readonly OpenLine[]): false {
    for (const line of over) this.#close(line);
    const message = error instanceof Error ? error.message : String(error);
    if (!this.#isFailing)
      this.#settings.logger.error({ message }, "cannot write the journal: calls are refused");
    this.#isFailing = true;
    return false;
  }
}
