import { mkdirSync, readdirSync, readFileSync, truncateSync } from "node:fs";
import { mkdir, readdir } from "node:fs/promises";
import { join } from "node:path";
import * as fc from "fast-check";
import { afterEach, describe, expect, test, vi } from "vitest";
import type { RateCard } from "../../shared/spend.ts";
import { uuidv7 } from "../uuid.ts";
import { temporaryDirectory } from "../testing/gateway-process.ts";
import { recordingLogger } from "../testing/ledger.ts";
import { smallDisk } from "../testing/small-disk.ts";
import { idOf } from "./attempt-json.ts";
import { Journal, type JournalSettings } from "./journal.ts";
import { readLines } from "./lines.ts";
import { type OpenLine, Segment } from "./segment.ts";

const header = '{"journal":1,"replica":"r","database":"d"}';
const card: RateCard = { id: "card-1", source: "config", rates: { input: "1" } };

afterEach(() => vi.restoreAllMocks());

function openJournal(folder: string, settings: Partial<JournalSettings> = {}) {
  const { logger, log } = recordingLogger();
  const journal = new Journal({
    folder,
    header,
    synchronizes: false,
    maxBytes: 2 ** 30,
    logger,
    ...settings,
  });
  return Object.assign(journal, { log });
}

const rowOf = (id: string) => `{"id":"${id}"}`;

function settle(journal: Journal, line: OpenLine | undefined, id: string, cost = 1n) {
  const windows = [7];
  return journal.settle(line, { json: rowOf(id), rateCard: null, windows, cost });
}

/** Undefined where the journal does not take it. */
async function tryOpen(journal: Journal, json: string, rateCard: RateCard | null = null) {
  const { line, isWritten } = journal.open(json, rateCard);
  return (await isWritten) ? line : undefined;
}

async function openLine(journal: Journal, id: string): Promise<OpenLine> {
  const line = await tryOpen(journal, rowOf(id));
  if (!line) throw new Error("Cannot open an attempt: the journal does not take it");
  return line;
}

/** The segments, oldest first, as kinds and texts of their lines. */
function segmentsIn(folder: string): string[][] {
  const names = readdirSync(folder).filter((name) => name.endsWith(".journal"));
  return names.toSorted().map((name) => {
    const { lines } = readLines(readFileSync(join(folder, name)));
    return lines.map(({ kind, json }) => kind + json.toString());
  });
}

/** What a database would be sent of a segment. */
async function rowsToSend(journal: Journal) {
  const sealed = await journal.seal();
  if (!sealed) return undefined;
  const { segment, tail } = sealed;
  const { lines } = readLines(Buffer.concat([await segment.read(), tail]));
  const rows = lines.filter(({ kind }) => kind === "S").map(({ json }) => idOf(json));
  return { segment, rows };
}

function passSeconds(seconds: number): void {
  const nowMs = performance.now() + seconds * 1_000;
  vi.spyOn(performance, "now").mockReturnValue(nowMs);
}

describe("lines", () => {
  test("are on disk when it says so: whose they are, then what they cost, then the attempt", async () => {
    await using directory = await temporaryDirectory();
    const journal = openJournal(directory.path);
    const id = uuidv7();

    const line = await tryOpen(journal, rowOf(id), card);

    const opened = [`H${header}`, `C${JSON.stringify(card)}`, `O${rowOf(id)}`];
    expect(segmentsIn(directory.path)).toEqual([opened]);
    expect(await settle(journal, line, id)).toBe(true);
    expect(segmentsIn(directory.path)).toEqual([[...opened, `S${rowOf(id)}`]]);
  });

  test("of a rate card are written once a segment", async () => {
    await using directory = await temporaryDirectory();
    const journal = openJournal(directory.path);
    const settleMany = async () => {
      for (const id of [uuidv7(), uuidv7()])
        await journal.settle(undefined, { json: rowOf(id), rateCard: card, windows: [], cost: 1n });
    };
    await settleMany();
    await journal.seal();
    await settleMany();

    for (const lines of segmentsIn(directory.path))
      expect(lines.map(([kind]) => kind)).toEqual(["H", "C", "S", "S"]);
  });

  test("of one turn of the event loop are written together", async () => {
    await using directory = await temporaryDirectory();
    const journal = openJournal(directory.path);
    const opened = Array.from({ length: 50 }, () => tryOpen(journal, rowOf(uuidv7())));
    expect(segmentsIn(directory.path)).toEqual([]);
    await opened[0];
    expect(segmentsIn(directory.path)[0]).toHaveLength(51);
  });

  test("are on disk when it closes, though nobody waited for them", async () => {
    await using directory = await temporaryDirectory();
    const journal = openJournal(directory.path);
    const id = uuidv7();
    void settle(journal, undefined, id);
    await journal.close();
    expect(segmentsIn(directory.path)).toEqual([[`H${header}`, `S${rowOf(id)}`]]);
  });

  test("of a process that is killed while it writes leave what it was told before, at every byte", async () => {
    await using directory = await temporaryDirectory();
    const journal = openJournal(directory.path);
    const [first, second] = [uuidv7(), uuidv7()];
    const line = await openLine(journal, first);
    const told = readFileSync(join(directory.path, "00000001.journal")).length;
    const [, opened] = await Promise.all([settle(journal, line, first), openLine(journal, second)]);
    expect(opened).toBeDefined();
    const path = join(directory.path, "00000001.journal");
    for (let length = readFileSync(path).length; length >= told; length -= 1) {
      truncateSync(path, length);
      const [lines = []] = segmentsIn(directory.path);
      expect(lines.slice(0, 2)).toEqual([`H${header}`, `O${rowOf(first)}`]);
      expect([undefined, `S${rowOf(first)}`]).toContain(lines[2]);
      expect([undefined, `O${rowOf(second)}`]).toContain(lines[3]);
    }
  });
});

describe("a segment", () => {
  test("is sealed with what ended in it and what that cost each window, and not while nothing has", async () => {
    await using directory = await temporaryDirectory();
    const journal = openJournal(directory.path);
    expect(await journal.seal()).toBeUndefined();
    const line = await openLine(journal, uuidv7());
    expect(await journal.seal()).toBeUndefined();
    for (const cost of [3n, 4n]) await settle(journal, undefined, uuidv7(), cost);
    expect(journal.rows).toBe(2);

    const sealed = await journal.seal();

    expect(sealed?.segment.rows).toBe(2);
    expect([...(sealed?.segment.costs ?? [])]).toEqual([[7, 7n]]);
    expect([journal.rows, journal.segments]).toEqual([0, 1]);
    expect(line.segment).toBe(sealed?.segment);
  });

  test("goes when its rows are in the database and nothing in it is under way, and not before", async () => {
    await using directory = await temporaryDirectory();
    const journal = openJournal(directory.path);
    const [ended, long] = [uuidv7(), uuidv7()];
    const line = await openLine(journal, long);
    await settle(journal, await openLine(journal, ended), ended);
    const first = await rowsToSend(journal);
    expect(first?.rows).toEqual([ended]);
    expect(segmentsIn(directory.path)).toHaveLength(1);
    if (first) journal.flushed(first.segment);
    // The attempt that is under way is nowhere else.
    expect(segmentsIn(directory.path)).toHaveLength(1);

    await settle(journal, line, long);

    expect(segmentsIn(directory.path)).toEqual([[`H${header}`, `S${rowOf(long)}`]]);
    const second = await rowsToSend(journal);
    if (second) journal.flushed(second.segment);
    expect(await readdir(directory.path)).toEqual([]);
    expect([journal.segments, journal.bytes, journal.ageMs]).toEqual([0, 0, 0]);
  });

  test("stays with the attempts that began in it until it is on disk how they ended", async () => {
    await using directory = await temporaryDirectory();
    const journal = openJournal(directory.path);
    const [ended, long] = [uuidv7(), uuidv7()];
    const line = await openLine(journal, long);
    await settle(journal, undefined, ended);
    const sent = await rowsToSend(journal);
    if (sent) journal.flushed(sent.segment);

    const settled = settle(journal, line, long);

    expect(segmentsIn(directory.path).flat()).toContain(`O${rowOf(long)}`);
    await settled;
    expect(segmentsIn(directory.path).flat()).toEqual([`H${header}`, `S${rowOf(long)}`]);
  });

  test("whose attempts do not end is written anew after a while, those alone, and goes", async () => {
    await using directory = await temporaryDirectory();
    const journal = openJournal(directory.path);
    const [ended, long, longer] = [uuidv7(), uuidv7(), uuidv7()];
    const lines = [await openLine(journal, long), await openLine(journal, longer)];
    await settle(journal, undefined, ended);
    const sent = await rowsToSend(journal);
    if (sent) journal.flushed(sent.segment);
    await journal.carryOver();
    expect(segmentsIn(directory.path).flat()).toContain(`S${rowOf(ended)}`);

    passSeconds(11);
    await journal.carryOver();

    const carried = [`H${header}`, `O${rowOf(long)}`, `O${rowOf(longer)}`];
    expect(segmentsIn(directory.path)).toEqual([carried]);
    await settle(journal, lines[0], long);
    const next = await rowsToSend(journal);
    if (next) journal.flushed(next.segment);
    expect(segmentsIn(directory.path)).toEqual([[...carried, `S${rowOf(long)}`]]);
    await settle(journal, lines[1], longer);
    expect(segmentsIn(directory.path)).toEqual([[`H${header}`, `S${rowOf(longer)}`]]);
  });

  test("that is carried over leaves out what has ended, though that is not on disk yet", async () => {
    await using directory = await temporaryDirectory();
    const journal = openJournal(directory.path);
    const [ended, long] = [uuidv7(), uuidv7()];
    const line = await openLine(journal, long);
    await settle(journal, undefined, ended);
    const sent = await rowsToSend(journal);
    if (sent) journal.flushed(sent.segment);
    passSeconds(11);
    await Promise.all([settle(journal, line, long), journal.carryOver()]);
    expect(segmentsIn(directory.path)).toEqual([[`H${header}`, `S${rowOf(long)}`]]);
  });

  test("that is not in the database stays, however old", async () => {
    await using directory = await temporaryDirectory();
    const journal = openJournal(directory.path);
    const [ended, long] = [uuidv7(), uuidv7()];
    await openLine(journal, long);
    await settle(journal, undefined, ended);
    await journal.seal();
    passSeconds(3_600);
    await journal.carryOver();
    expect(segmentsIn(directory.path)).toHaveLength(1);
    expect(journal.ageMs).toBeGreaterThanOrEqual(3_600_000);
  });
});

interface Attempt {
  readonly id: string;
  line?: OpenLine;
  state: "opening" | "open" | "settling" | "settled";
}

/** A journal, a database that takes what it is sent, and what was promised about both. */
class Scene {
  readonly database = new Set<string>();
  readonly #folder: string;
  readonly #journal: Journal;
  readonly #attempts: Attempt[] = [];
  readonly #sealed: { send(): void }[] = [];
  #sealing: Promise<unknown> = Promise.resolve();

  constructor(folder: string, journal: Journal) {
    this.#folder = folder;
    this.#journal = journal;
  }

  async open(): Promise<void> {
    const attempt: Attempt = { id: uuidv7(), state: "opening" };
    this.#attempts.push(attempt);
    attempt.line = await openLine(this.#journal, attempt.id);
    attempt.state = "open";
  }

  async settle(pick: number): Promise<void> {
    const open = this.#attempts.filter(({ state }) => state === "open");
    const attempt = open[pick % Math.max(1, open.length)];
    if (!attempt) return;
    attempt.state = "settling";
    expect(await settle(this.#journal, attempt.line, attempt.id)).toBe(true);
    attempt.state = "settled";
  }

  /** One at a time, as a flush does. */
  seal(): Promise<unknown> {
    this.#sealing = this.#sealAfter(this.#sealing);
    return this.#sealing;
  }

  async #sealAfter(earlier: Promise<unknown>): Promise<void> {
    await earlier;
    const sealed = await rowsToSend(this.#journal);
    if (!sealed) return;
    const send = () => {
      for (const id of sealed.rows) this.database.add(id);
      this.#journal.flushed(sealed.segment);
    };
    this.#sealed.push({ send });
  }

  send(): void {
    this.#sealed.shift()?.send();
  }

  async flush(): Promise<void> {
    await this.seal();
    this.send();
  }

  /** What a replay would find if the process were killed at this moment. */
  check(): void {
    const found = new Map<string, string>();
    for (const text of segmentsIn(this.#folder).flat())
      if (text.startsWith("O") || text.startsWith("S"))
        found.set(idOf(Buffer.from(text.slice(1))), text.slice(0, 1));
    for (const { id, state } of this.#attempts) {
      const left = this.database.has(id) ? "S" : found.get(id);
      found.delete(id);
      expect(
        { opening: [undefined, "O"], open: ["O"], settling: ["O", "S"], settled: ["S"] }[state],
      ).toContain(left);
    }
    expect([...found]).toEqual([]);
  }

  async end(): Promise<void> {
    while (this.#attempts.some(({ state }) => state === "open")) await this.settle(0);
    await this.seal();
    while (this.#sealed.length > 0) this.send();
    for (const { id } of this.#attempts) expect(this.database).toContain(id);
    expect(readdirSync(this.#folder)).toEqual([]);
    expect([this.#journal.segments, this.#journal.bytes]).toEqual([0, 0]);
  }
}

describe.each([{ synchronizes: false }, { synchronizes: true }])(
  "killed at any moment, with synchronizes $synchronizes",
  ({ synchronizes }) => {
    const step = fc.tuple(
      fc.oneof(
        { weight: 3, arbitrary: fc.constant("open") },
        { weight: 3, arbitrary: fc.constant("settle") },
        { weight: 2, arbitrary: fc.constant("flush") },
        fc.constantFrom("seal", "send", "carryOver", "turn"),
      ),
      fc.nat({ max: 3 }),
      fc.integer({ min: 0, max: 3 }).map((roll) => roll > 0),
    );

    test("it has told of every attempt that left, and of each that ended how it ended", async () => {
      await using directory = await temporaryDirectory();
      let clockMs = 0;
      const now = performance.now.bind(performance);
      vi.spyOn(performance, "now").mockImplementation(() => now() + clockMs);
      const run = async (script: readonly (readonly [string, number, boolean])[]) => {
        const folder = join(directory.path, uuidv7());
        await mkdir(folder);
        const journal = openJournal(folder, { synchronizes });
        const scene = new Scene(folder, journal);
        const running: Promise<unknown>[] = [];
        for (const [name, pick, isAwaited] of script) {
          clockMs += 4_000;
          if (name === "send") scene.send();
          if (name === "open") running.push(scene.open());
          if (name === "settle") running.push(scene.settle(pick));
          if (name === "seal") running.push(scene.seal());
          if (name === "flush") running.push(scene.flush());
          if (name === "carryOver") running.push(journal.carryOver());
          scene.check();
          if (name === "turn") await new Promise(setImmediate);
          if (isAwaited) await running.at(-1);
          scene.check();
        }
        await Promise.all(running);
        await scene.end();
        await journal.close();
      };
      await fc.assert(fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 40 }), run), {
        numRuns: synchronizes ? 60 : 150,
        endOnFailure: true,
      });
    });
  },
);

describe("a journal that takes no more", () => {
  test("says so at its bound, and takes how attempts ended nevertheless", async () => {
    await using directory = await temporaryDirectory();
    const journal = openJournal(directory.path, { maxBytes: 600 });
    const lines: [string, OpenLine][] = [];
    while (!journal.isFull) {
      const id = uuidv7();
      lines.push([id, await openLine(journal, id)]);
    }
    expect(lines.length).toBeGreaterThan(3);
    for (const [id, line] of lines) expect(await settle(journal, line, id)).toBe(true);
    expect(journal.isFull).toBe(true);

    const sent = await rowsToSend(journal);

    expect(journal.isFull).toBe(true);
    expect(sent?.rows).toEqual(lines.map(([id]) => id));
    if (sent) journal.flushed(sent.segment);
    expect(journal.isFull).toBe(false);
  });

  test("because its folder is gone refuses attempts, and lets none of them leave a trace", async () => {
    await using directory = await temporaryDirectory();
    const folder = join(directory.path, "folder");
    const journal = openJournal(folder);
    const [refused, ended] = [uuidv7(), uuidv7()];
    expect(await tryOpen(journal, rowOf(refused), card)).toBeUndefined();
    expect(await settle(journal, undefined, ended)).toBe(false);
    expect(journal.log.map(({ msg }) => msg)).toEqual([
      "cannot write the journal: calls are refused",
    ]);

    await mkdir(folder);
    const taken = uuidv7();
    await openLine(journal, taken);

    expect(journal.log.at(-1)).toMatchObject({
      level: 30,
      msg: "the journal can be written again",
    });
    expect(segmentsIn(folder)).toEqual([
      [`H${header}`, `C${JSON.stringify(card)}`, `S${rowOf(ended)}`, `O${rowOf(taken)}`],
    ]);
  });

  test("because the disk does not confirm refuses attempts, and keeps no segment for them", async () => {
    await using directory = await temporaryDirectory();
    const journal = openJournal(directory.path, { synchronizes: true });
    const [before, refused, ended] = [uuidv7(), uuidv7(), uuidv7()];
    const line = await openLine(journal, before);
    vi.spyOn(Segment.prototype, "synchronize").mockRejectedValueOnce(new Error("the disk is gone"));

    const [opened, isWritten] = await Promise.all([
      tryOpen(journal, rowOf(refused)),
      settle(journal, line, ended),
    ]);

    expect([opened, isWritten]).toEqual([undefined, false]);
    const sent = await rowsToSend(journal);
    expect(sent?.rows).toEqual([ended]);
    if (sent) journal.flushed(sent.segment);
    expect([journal.segments, journal.bytes]).toEqual([0, 0]);
  });

  test("hands out what it could not write when it is sealed, so that the database is told all the same", async () => {
    await using directory = await temporaryDirectory();
    const journal = openJournal(join(directory.path, "nowhere"));
    const ended = uuidv7();
    await settle(journal, undefined, ended);
    const sent = await rowsToSend(journal);
    expect(sent?.rows).toEqual([ended]);
    if (sent) journal.flushed(sent.segment);
    expect([journal.segments, journal.bytes]).toEqual([0, 0]);
  });

  test("refuses an attempt whose line could not be written, though a later line of the same turn is", async () => {
    await using directory = await temporaryDirectory();
    const journal = openJournal(directory.path);
    // The first segment cannot be written; the one after it can.
    mkdirSync(join(directory.path, "00000001.journal"));
    const ended = settle(journal, undefined, uuidv7());
    const refused = tryOpen(journal, rowOf(uuidv7()));
    const sealing = journal.seal();
    const taken = tryOpen(journal, rowOf(uuidv7()));

    expect(await refused).toBeUndefined();
    expect(await ended).toBe(false);
    expect(await taken).toBeDefined();
    await sealing;
  });
});

const disk = await smallDisk();

describe.skipIf(disk === undefined)("on a disk that is full", () => {
  test("it refuses attempts, loses nothing that ended, leaves no half of a line, and recovers by itself", async () => {
    await using mounted = await smallDisk();
    if (!mounted) return;
    const folder = join(mounted.path, "journal");
    await mkdir(folder);
    const journal = openJournal(folder);
    const open: [string, OpenLine][] = [];
    for (;;) {
      const id = uuidv7();
      const line = await tryOpen(journal, `{"id":"${id}","text":"${"x".repeat(3_000)}"}`);
      if (!line) break;
      open.push([id, line]);
    }
    expect(open.length).toBeGreaterThan(10);
    const whole = readLines(readFileSync(join(folder, "00000001.journal")));
    expect([whole.end, whole.lines.length]).toEqual(["whole", open.length + 1]);
    const [[id, line] = ["", undefined]] = open;
    expect(
      await journal.settle(line, {
        json: `{"id":"${id}","text":"${"x".repeat(9_000)}"}`,
        rateCard: null,
        windows: [],
        cost: 1n,
      }),
    ).toBe(false);

    const sent = await rowsToSend(journal);
    expect(sent?.rows).toEqual([id]);
    if (sent) journal.flushed(sent.segment);
    expect(await tryOpen(journal, rowOf(uuidv7()))).toBeUndefined();
    for (const [index, [, other]] of open.slice(1).entries())
      await settle(journal, other, open[index + 1]?.[0] ?? "");
    const rest = await rowsToSend(journal);
    expect(rest?.rows).toHaveLength(open.length - 1);
    if (rest) journal.flushed(rest.segment);

    expect(await readdir(folder)).toEqual([]);
    expect(await tryOpen(journal, rowOf(uuidv7()))).toBeDefined();
    expect(journal.log.map(({ level }) => level)).toEqual([50, 30]);
  });
});

await disk?.[Symbol.asyncDispose]();

test("memory that a segment took is another's afterwards, unless it was much", async () => {
  await using folder = await temporaryDirectory();
  const journal = openJournal(folder.path);
  const rowsOf = async (id: string) => {
    await settle(journal, undefined, id);
    const sealed = await journal.seal();
    const rows = sealed?.segment.recent;
    if (sealed) journal.flushed(sealed.segment);
    return rows;
  };
  const first = await rowsOf("a");
  expect(await rowsOf("b".repeat(9_000_000))).toBe(first);

  expect(await rowsOf("c")).not.toBe(first);
});

test("the rows of a segment are its own, though their memory was another's before", async () => {
  await using folder = await temporaryDirectory();
  const journal = openJournal(folder.path);
  const recent: unknown[] = [];
  for (const ids of [["a", "b", "c"], ["d"], ["e", "f"]]) {
    for (const id of ids) await settle(journal, undefined, id);
    const sealed = await journal.seal();
    const rows = sealed?.segment.recent;
    recent.push(rows?.text(0, rows.count));
    if (sealed) journal.flushed(sealed.segment);
    expect(sealed?.segment.recent).toBeUndefined();
  }

  expect(recent).toEqual([
    ["a", "b", "c"].map(rowOf).join(),
    rowOf("d"),
    ["e", "f"].map(rowOf).join(),
  ]);
});
