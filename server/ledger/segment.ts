import { closeSync, fdatasync, ftruncateSync, openSync, rmSync, writeSync } from "node:fs";
import { copyFile, readFile } from "node:fs/promises";
import { promisify } from "node:util";
import type { Picodollars } from "../../shared/money.ts";
import type { RateCard } from "../../shared/spend.ts";
import { Rows } from "./rows.ts";

const synchronize = promisify(fdatasync);

/** An attempt under way, as far as its journal has to know it. */
export interface OpenLine {
  /** The row that it becomes if nothing more is heard of it. */
  readonly json: string;
  segment: Segment;
  /** How it ended has been appended: it must not be written down as under way after that. */
  hasEnded: boolean;
}

/** A file of a journal, and what hangs on it: it may go once its rows are in the database and nothing in it is under way. */
export class Segment {
  readonly path: string;
  readonly startedAtMs = performance.now();
  /** Attempts that have their only trace here. */
  readonly open = new Set<OpenLine>();
  /** Attempts, from here or an older segment, whose end was appended here and is not written yet: until then they have a trace where they began. */
  readonly ended: OpenLine[] = [];
  /** Rate cards that it has a line for, as JSON, by their ids. */
  readonly cards = new Map<RateCard["id"], string>();
  /** What the attempts that ended in it cost, by the budget window that admitted them. */
  readonly costs = new Map<number, Picodollars>();
  /** Attempts that ended in it. */
  rows = 0;
  #recent: Rows | undefined;
  #descriptor: number | undefined;
  #bytes = 0;
  #synchronizing: Promise<unknown> = Promise.resolve();

  /** @param recent where the rows of the attempts that end in it are kept, until they are forgotten */
  constructor(path: string, recent: Rows) {
    this.path = path;
    this.#recent = recent;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** The rows of the attempts that ended in it, until they are forgotten; after that they have to be read from the file. */
  get recent(): Rows | undefined {
    return this.#recent;
  }

  /** Hands over the memory that they take; undefined where that was done before. */
  forgetRecent(): Rows | undefined {
    const recent = this.#recent;
    this.#recent = undefined;
    return recent;
  }

  /** Those whose end is written now. */
  takeEnded(): OpenLine[] {
    return this.ended.splice(0);
  }

  /**
   * Appends whole lines, or nothing at all: what was written of them before it failed is cut off again.
   *
   * @throws Error of the file system, of a full disk for one
   */
  write(lines: Buffer): void {
    this.#descriptor ??= openSync(this.path, "ax", 0o600);
    try {
      let written = 0;
      while (written < lines.length) written += writeSync(this.#descriptor, lines, written);
    } catch (error) {
      ftruncateSync(this.#descriptor, this.#bytes);
      throw error;
    }
    this.#bytes += lines.length;
  }

  /** What was written survives the machine once this has resolved. */
  async synchronize(): Promise<void> {
    if (this.#descriptor === undefined) return;
    const own = synchronize(this.#descriptor);
    this.#synchronizing = Promise.allSettled([this.#synchronizing, own]);
    await own;
  }

  /** Lets go of the file. */
  async seal(): Promise<void> {
    // A number that is closed may be given to another file, which a request still under way would then be for.
    await this.#synchronizing;
    if (this.#descriptor !== undefined) closeSync(this.#descriptor);
    this.#descriptor = undefined;
  }

  /** Nothing of a file that somebody removed. */
  async read(): Promise<Buffer> {
    if (this.#bytes === 0) return Buffer.alloc(0);
    return readFile(this.path).catch(nothingIfMissing);
  }

  /** @returns where */
  async copyAside(): Promise<string> {
    const copy = `${this.path}.corrupt`;
    await copyFile(this.path, copy);
    return copy;
  }

  remove(): void {
    rmSync(this.path, { force: true });
  }
}

function nothingIfMissing(error: NodeJS.ErrnoException): Buffer {
  if (error.code !== "ENOENT") throw error;
  return Buffer.alloc(0);
}
