import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { RateCard } from "../../shared/spend.ts";
import { uuidv7 } from "../uuid.ts";
import type { SqlPool } from "../store/database.ts";
import { sharedEngines } from "../testing/database.ts";
import { temporaryDirectory } from "../testing/gateway-process.ts";
import { opening, recordingLogger, settlement } from "../testing/ledger.ts";
import { openLine } from "../testing/line.ts";
import { smallDisk } from "../testing/small-disk.ts";
import type { Opening, Settlement } from "./attempt-json.ts";
import { Journal } from "./journal.ts";
import { type Entry, Ledger, type LedgerSettings } from "./ledger.ts";

/** Longer than any test: only flush() sends. */
const never = 10 * 60_000;

/** Suites on statements run on every engine; here the embedded one and a server say enough. */
const engines = sharedEngines.slice(0, 2);

describe.each(engines)("$name", ({ open }) => {
  test("what ended is in the database after the flush interval", async () => {
    await using opened = await open();
    const { sql } = opened.database;
    await using books = await openLedger(sql, { flushIntervalMs: 20 });
    const ids = await record(books.ledger, 3);
    await expect.poll(() => idsIn(sql), patiently).toEqual(ids);
    const more = await record(books.ledger, 2);
    await expect.poll(() => idsIn(sql), patiently).toEqual([...ids, ...more].toSorted());
    expect(books.log).toEqual([]);
  });

  test("an attempt becomes the row that it was said to be", async () => {
    await using opened = await open();
    const { sql } = opened.database;
    await using books = await openLedger(sql);
    const nasty = `it's "q" \\ \\u0041 {a,b} \n\t % $1 é漢🦆 NULL`;
    const rateCard: RateCard = { id: nasty, source: nasty, rates: { input: nasty } };
    const entry = await begin(books.ledger, {
      requestId: nasty,
      owner: { id: nasty, userId: nasty, tags: [nasty, "", "a,b"] },
      target: { group: nasty, id: nasty, upstreamModel: nasty, rateCard },
      model: nasty,
      streamed: false,
    });
    const usage = {
      input: 1,
      cache_read: 2,
      cache_write: 3,
      cache_write_1h: 0,
      input_audio: 4,
      output: 2 ** 53 - 1,
      reasoning: 6,
      output_audio: 7,
    };
    const cost = 10n ** 27n + 1n;
    const errorCode = nasty;
    await books.ledger.settle(entry, settlement({ usage, cost, errorCode, status: "aborted" }));
    await books.ledger.flush();

    const [row] = await sql`
      select id, request_id, key_id, user_id, tags, model, model_group, deployment, upstream_model, cost, rate_card, windows,
             input_tokens, cache_read_tokens, cache_write_tokens, input_audio_tokens, output_tokens, reasoning_tokens,
             output_audio_tokens, status, error_code, estimated, streamed, started_at, ended_at from spend_log`;
    expect(row).toEqual({
      id: entry.opening.id,
      request_id: nasty,
      key_id: nasty,
      user_id: nasty,
      tags: [nasty, "", "a,b"],
      model: nasty,
      model_group: nasty,
      deployment: nasty,
      upstream_model: nasty,
      cost,
      rate_card: nasty,
      windows: [],
      input_tokens: 1n,
      cache_read_tokens: 2n,
      cache_write_tokens: 3n,
      input_audio_tokens: 4n,
      output_tokens: 2n ** 53n - 1n,
      reasoning_tokens: 6n,
      output_audio_tokens: 7n,
      status: "aborted",
      error_code: nasty,
      estimated: false,
      streamed: false,
      started_at: new Date("2026-03-04T05:06:07.089Z"),
      ended_at: new Date("2026-03-04T05:06:08.589Z"),
    });
    expect(await sql`select id, source, rates from rate_card`).toEqual([rateCard]);
  });

  test("an unknown cost and an unknown usage are unknown in the row", async () => {
    await using opened = await open();
    const { sql } = opened.database;
    await using books = await openLedger(sql);
    await record(books.ledger, 1, {}, { cost: undefined });
    await books.ledger.flush();
    expect(await sql`select cost, input_tokens, output_tokens from spend_log`).toEqual([
      { cost: null, input_tokens: null, output_tokens: null },
    ]);
  });

  test("what calls no upstream leaves nothing behind unless it ends, and then a row as any other", async () => {
    await using opened = await open();
    const { sql } = opened.database;
    await using books = await openLedger(sql);
    books.ledger.enter(opening());
    const entry = books.ledger.enter(opening());
    expect(books.journal.bytes).toBe(0);
    await books.ledger.settle(entry, settlement());
    await books.ledger.flush();
    expect(await idsIn(sql)).toEqual([entry.opening.id]);
  });

  test("a flush ends when everything that ended before it is in the database, over many batches", async () => {
    await using opened = await open();
    const { sql } = opened.database;
    await using books = await openLedger(sql);
    await books.ledger.flush();
    await record(books.ledger, 1_200);
    expect(books.ledger.waiting).toBe(1_200);
    await books.ledger.flush();
    expect(await countedIn(sql)).toEqual({ rows: 1_200n, spend: 1_200n, calls: 1_200n });
    expect([books.ledger.waiting, books.ledger.lagMs, books.journal.segments]).toEqual([0, 0, 0]);
  });

  test("flushes at once share the work: no row is lost, and none is left by whichever ends first", async () => {
    await using opened = await open();
    const { sql } = opened.database;
    await using books = await openLedger(sql);
    await record(books.ledger, 700);
    const flushes = [books.ledger.flush(), books.ledger.flush()];
    await record(books.ledger, 600);
    flushes.push(books.ledger.flush());
    await Promise.all(flushes);
    expect(await countedIn(sql)).toEqual({ rows: 1_300n, spend: 1_300n, calls: 1_300n });
  });

  test(
    "flushes at any moment, at once or while rows come, lose nothing and send nothing twice",
    { timeout: 120_000 },
    async () => {
      await using opened = await open();
      const { sql } = opened.database;
      await using books = await openLedger(sql, { flushIntervalMs: 1 });
      const { ledger } = books;
      let recorded = 0n;
      const count = async (ids: Promise<string[]>) => {
        const { length } = await ids;
        recorded += BigInt(length);
      };
      const steps = {
        record: () => count(record(ledger, 7)),
        recordMany: () => count(record(ledger, 700)),
        flush: async () => {
          const due = recorded;
          await ledger.flush();
          expect((await countedIn(sql)).rows).toBeGreaterThanOrEqual(due);
        },
        turn: () => sleep(1),
      };
      const step = fc.constantFrom(
        "record",
        "record",
        "recordMany",
        "flush",
        "flush",
        "turn" as const,
      );
      await fc.assert(
        fc.asyncProperty(
          fc.array(fc.tuple(step, fc.boolean()), { minLength: 6, maxLength: 14 }),
          async (script) => {
            const running: Promise<unknown>[] = [];
            for (const [name, isAwaited] of script) {
              running.push(steps[name]());
              if (isAwaited) await running.at(-1);
            }
            await Promise.all(running);
            await Promise.all([ledger.flush(), ledger.flush(), ledger.flush()]);
            expect(await countedIn(sql)).toEqual({
              rows: recorded,
              spend: recorded,
              calls: recorded,
            });
          },
        ),
        { numRuns: 5, endOnFailure: true },
      );
      expect(books.log).toEqual([]);
      expect(books.journal.bytes).toBe(0);
    },
  );

  test("a row that Postgres will never take does not hold up the others, and is written to the log", async () => {
    await using opened = await open();
    const { sql } = opened.database;
    await using books = await openLedger(sql);
    const poison: [Partial<Opening>, Partial<Settlement>][] = [
      [{}, { errorCode: "a\u0000b" }],
      [{}, { cost: -1n }],
      [{}, { status: "lost" as "failure" }],
      // Too long for an index, and no repetition in it that would compress.
      [{ owner: { id: "key_1", userId: longText, tags: [] } }, {}],
    ];
    const good = await record(books.ledger, 20);
    const bad: string[] = [];
    for (const [fields, end] of poison) bad.push(...(await record(books.ledger, 1, fields, end)));
    good.push(...(await record(books.ledger, 20)));
    await books.ledger.flush();
    expect(await idsIn(sql)).toEqual(good.toSorted());
    expect(books.log.map(({ level, row }) => [level, rowIn(row).id]).toSorted()).toEqual(
      bad.map((id) => [50, id]).toSorted(),
    );
    expect(books.log[0]?.["row"]).toMatchObject({ key_id: "key_1", cost: expect.any(String) });
    expect([books.ledger.waiting, books.journal.bytes]).toEqual([0, 0]);
  });

  test("a partition that was dropped meanwhile is made again, for one row as for many", async () => {
    await using opened = await open();
    const { sql } = opened.database;
    await using books = await openLedger(sql, { flushIntervalMs: 20 });
    for (const count of [1, 3]) {
      await record(books.ledger, 1);
      await books.ledger.flush();
      await sql`drop table spend_log_2026_03`;
      const ids = await record(books.ledger, count);
      await expect.poll(() => idsIn(sql), patiently).toEqual(ids);
    }
    expect(books.log.filter(({ level }) => level === 50)).toEqual([]);
  });

  test("a row goes to the partition of its id, whatever its times say", async () => {
    await using opened = await open();
    const { sql } = opened.database;
    await using books = await openLedger(sql);
    const id = uuidv7(Date.parse("2026-06-30T23:59:59.999Z"));
    await record(books.ledger, 1, { id, startedAtMs: Date.parse("2026-07-01T00:00:00Z") });
    await books.ledger.flush();
    expect(await sql`select id, tableoid::regclass::text as partition from spend_log`).toEqual([
      { id, partition: "spend_log_2026_06" },
    ]);
  });
});

describe.each(sharedEngines.slice(-1))("$name", ({ open }) => {
  test("whoever keeps the windows is told how each stands once its rows are written, and what they cost", async () => {
    await using opened = await open();
    const { sql } = opened.database;
    await using books = await openLedger(sql);
    const window = await makeWindow(sql);
    await record(books.ledger, 3, { windows: [window] }, { cost: 5n });
    await record(books.ledger, 1, { windows: [window] }, { cost: 0n });
    await record(books.ledger, 1);
    expect(books.told).toEqual([]);

    await books.ledger.flush();

    expect(books.told).toMatchObject([
      { window_id: window, amount: null, version: null, spent: 15n, added: 15n },
      new Map([[window, 15n]]),
    ]);
  });

  test("at the journal's bound attempts are refused, those under way are accounted for, and there is room again once they are written", async () => {
    await using opened = await open();
    const { sql } = opened.database;
    await using books = await openLedger(sql, { maxBytes: 1_000 });
    const entries: Entry[] = [];
    for (;;) {
      const entry = await books.ledger.open(opening());
      if (!entry) break;
      entries.push(entry);
    }
    expect(entries.length).toBeGreaterThan(1);
    for (const entry of entries) await books.ledger.settle(entry, settlement());
    expect(await books.ledger.open(opening())).toBeUndefined();

    await books.ledger.flush();

    expect(await idsIn(sql)).toEqual(entries.map((entry) => entry.opening.id).toSorted());
    expect(await books.ledger.open(opening())).toBeDefined();
    expect(books.ledger.dropped).toBe(0);
  });

  test("where calls go on without an account they are counted and said, but for those that a budget admitted", async () => {
    await using opened = await open();
    const { sql } = opened.database;
    await using books = await openLedger(sql, {
      maxBytes: 1,
      whenJournalFull: "drop",
      flushIntervalMs: 20,
    });
    const [written, dropped] = [await begin(books.ledger), await begin(books.ledger)];
    expect([written.isDropped, dropped.isDropped]).toEqual([false, true]);
    expect(await books.ledger.open(opening({ windows: [1] }))).toBeUndefined();
    expect(books.ledger.dropped).toBe(1);

    expect(await books.ledger.settle(dropped, settlement())).toBe(false);
    await books.ledger.settle(written, settlement());

    await expect.poll(() => idsIn(sql), patiently).toEqual([written.opening.id]);
    expect(books.log).toMatchObject([{ level: 50, calls: 1 }]);
    expect(books.ledger.dropped).toBe(1);
    expect(await begin(books.ledger)).toMatchObject({ isDropped: false });
  });

  test("a drain sends what waits, and says so", async () => {
    await using opened = await open();
    const { sql } = opened.database;
    await using books = await openLedger(sql);
    const ids = await record(books.ledger, 3);
    expect(await books.ledger.drain(30_000)).toBe(true);
    expect(await idsIn(sql)).toEqual(ids);
    expect(await readdir(books.folder)).toEqual([]);
  });
});

const hasSmallDisk = await smallDisk().then(async (mounted) => {
  await mounted?.[Symbol.asyncDispose]();
  return mounted !== undefined;
});

describe.each(sharedEngines.slice(0, 1))("$name", ({ open }) => {
  test.skipIf(!hasSmallDisk)(
    "on a full disk attempts are refused, what ended reaches the database nevertheless, and then there is room again",
    async () => {
      await using opened = await open();
      const { sql } = opened.database;
      await using disk = await smallDisk();
      await using books = await openLedger(sql, { folder: disk?.path });
      const entries: Entry[] = [];
      for (;;) {
        const entry = await books.ledger.open(opening({ requestId: "x".repeat(3_000) }));
        if (!entry) break;
        entries.push(entry);
      }
      expect(entries.length).toBeGreaterThan(10);
      const written = await Promise.all(
        entries.map((entry) => books.ledger.settle(entry, settlement())),
      );
      expect(written).toContain(false);
      expect(await books.ledger.open(opening())).toBeUndefined();

      await books.ledger.flush();

      expect(await idsIn(sql)).toEqual(entries.map((entry) => entry.opening.id).toSorted());
      expect(await books.ledger.open(opening())).toBeDefined();
      expect(books.log.map(({ level }) => level)).toEqual([50, 30]);
    },
  );
});

describe.each(sharedEngines.filter(({ name }) => name !== "embedded").slice(0, 1))(
  "$name behind a line that breaks",
  ({ open }) => {
    test("rows wait while the database is away and land once when it is back, as do those that end meanwhile", async () => {
      await using opened = await open();
      await using line = await openLine(opened.url);
      await using books = await openLedger(line.database.sql, { flushIntervalMs: 20 });
      const ids = await record(books.ledger, 1);
      await books.ledger.flush();
      await line.cut();
      ids.push(...(await record(books.ledger, 1_100)));
      await expect(books.ledger.flush()).rejects.toThrow();
      await expect.poll(() => books.log.length, patiently).toBeGreaterThanOrEqual(3);
      ids.push(...(await record(books.ledger, 10)));
      expect(await idsIn(opened.database.sql)).toHaveLength(1);
      expect(books.ledger.waiting).toBe(1_110);
      // However often it was tried.
      expect(books.journal.segments).toBe(2);
      await line.proxy.restore();
      const restoredAt = performance.now();
      await expect.poll(() => idsIn(opened.database.sql), patiently).toEqual(ids.toSorted());
      // The longest back-off, and what a slow machine adds.
      expect(performance.now() - restoredAt).toBeLessThan(5_000 + 8_000);
      expect(await countedIn(opened.database.sql)).toEqual({
        rows: 1_111n,
        spend: 1_111n,
        calls: 1_111n,
      });
      expect(books.log.map(({ level, msg }) => `${level} ${msg}`)).toEqual(
        books.log.map(() => "40 cannot write spend: it is kept and tried again"),
      );
      await expect.poll(() => books.journal.segments, patiently).toBe(0);
    });

    test("a drain waits for a database that comes back", async () => {
      await using opened = await open();
      await using line = await openLine(opened.url);
      await using books = await openLedger(line.database.sql);
      const ids = await record(books.ledger, 3);
      await line.cut();
      const drained = books.ledger.drain(30_000);
      await expect(books.ledger.flush()).rejects.toThrow();
      await line.proxy.restore();
      expect(await drained).toBe(true);
      expect(await idsIn(opened.database.sql)).toEqual(ids);
      expect(books.log).toEqual([]);
    });

    test("a drain gives up in time, though the database only stays silent, and leaves the rows in the journal", async () => {
      await using opened = await open();
      await using line = await openLine(opened.url);
      await using books = await openLedger(line.database.sql);
      line.proxy.deafen();
      const ids = await record(books.ledger, 3);
      const startedAt = performance.now();
      expect(await books.ledger.drain(300)).toBe(false);
      expect(performance.now() - startedAt).toBeLessThan(10_000);
      const left = readdirSync(books.folder).map((name) => readFileSync(join(books.folder, name)));
      for (const id of ids) expect(Buffer.concat(left).toString()).toContain(id);
      expect(books.log).toEqual([]);
    });

    test("what neither the database nor the journal takes is written to the log when the process ends", async () => {
      await using opened = await open();
      await using line = await openLine(opened.url);
      await using books = await openLedger(line.database.sql);
      await line.cut();
      const ids = await record(books.ledger, 1);
      await expect(books.ledger.flush()).rejects.toThrow();
      const folderGone = rm(books.folder, { recursive: true });
      await folderGone;
      for (let ended = 0; ended < 3; ended += 1) {
        const entry = books.ledger.enter(opening());
        await books.ledger.settle(entry, settlement());
        ids.push(entry.opening.id);
      }
      expect(await books.ledger.drain(300)).toBe(false);
      const logged = books.log.filter(({ row }) => row !== undefined);
      expect(logged.map(({ row }) => rowIn(row).id).toSorted()).toEqual(ids.slice(1).toSorted());
    });

    test("an answer that is lost after the commit counts once", async () => {
      await using opened = await open();
      const { sql } = opened.database;
      await using line = await openLine(opened.url);
      await using books = await openLedger(line.database.sql);
      const ids = await record(books.ledger, 1);
      await books.ledger.flush();
      line.proxy.deafen();
      ids.push(...(await record(books.ledger, 50)));
      const unanswered = books.ledger.flush();
      await expect.poll(() => idsIn(sql), patiently).toEqual(ids.toSorted());
      // Others flush and record while the answer is still awaited.
      const joined = books.ledger.flush().catch(() => undefined);
      ids.push(...(await record(books.ledger, 5)));
      await Promise.all([line.cut(), expect(unanswered).rejects.toThrow()]);
      await joined;
      await line.proxy.restore();
      await books.ledger.flush();
      await books.ledger.flush();
      expect(await idsIn(sql)).toEqual(ids.toSorted());
      expect(await countedIn(sql)).toEqual({ rows: 56n, spend: 56n, calls: 56n });
    });

    test("a line that breaks again and again neither loses nor doubles", async () => {
      await using opened = await open();
      const { sql } = opened.database;
      await using line = await openLine(opened.url);
      await using books = await openLedger(line.database.sql, { flushIntervalMs: 5 });
      let recorded = 0n;
      for (let round = 0; round < 10; round += 1) {
        for (let burst = 0; burst < 5; burst += 1) {
          await record(books.ledger, 150);
          recorded += 150n;
          await sleep(3 * (round % 4));
        }
        if (round % 2 === 0) line.proxy.deafen();
        await sleep(10);
        await line.cut();
        await line.proxy.restore();
      }
      await expect.poll(async () => (await countedIn(sql)).rows, patiently).toBe(recorded);
      await books.ledger.flush();
      expect(await countedIn(sql)).toEqual({ rows: recorded, spend: recorded, calls: recorded });
    });

    test("a segment that became corrupt while it waited is copied aside, and what was before it is written", async () => {
      await using opened = await open();
      await using line = await openLine(opened.url);
      await using books = await openLedger(line.database.sql);
      await line.cut();
      const [first = ""] = await record(books.ledger, 1);
      await record(books.ledger, 1);
      await expect(books.ledger.flush()).rejects.toThrow();
      const [name = ""] = await readdir(books.folder);
      const corrupt = readFileSync(join(books.folder, name));
      corrupt[corrupt.length - 20] = 0;
      writeFileSync(join(books.folder, name), corrupt);
      await line.proxy.restore();
      const ids = await record(books.ledger, 1);

      await books.ledger.flush();
      await books.ledger.flush();

      expect(await idsIn(opened.database.sql)).toEqual([first, ...ids].toSorted());
      const copy = join(books.folder, `${name}.corrupt`);
      expect(books.log).toMatchObject([{ level: 50, lost: 1, copy }]);
      expect(readFileSync(copy)).toEqual(corrupt);
      expect(await readdir(books.folder)).toEqual([`${name}.corrupt`]);
    });

    test("a segment that is flushed in time is not read back: its rows are written though somebody removed it", async () => {
      await using opened = await open();
      await using books = await openLedger(opened.database.sql);
      const ids = await record(books.ledger, 2);
      for (const name of await readdir(books.folder)) await rm(join(books.folder, name));
      await books.ledger.flush();
      expect(await idsIn(opened.database.sql)).toEqual(ids);
      expect(books.log).toEqual([]);
    });

    test("a segment that somebody removed while it waited does not hold up those after it", async () => {
      await using opened = await open();
      await using line = await openLine(opened.url);
      await using books = await openLedger(line.database.sql);
      await line.cut();
      await record(books.ledger, 2);
      await expect(books.ledger.flush()).rejects.toThrow();
      for (const name of await readdir(books.folder)) await rm(join(books.folder, name));
      await line.proxy.restore();
      const ids = await record(books.ledger, 1);

      await books.ledger.flush();
      await books.ledger.flush();

      expect(await idsIn(opened.database.sql)).toEqual(ids);
      expect(books.log).toMatchObject([{ level: 50, lost: 2 }]);
    });

    test("once closed it tries no more, though the database is away and rows wait", async () => {
      await using opened = await open();
      await using line = await openLine(opened.url);
      await using books = await openLedger(line.database.sql, { flushIntervalMs: 1 });
      await line.cut();
      await record(books.ledger, 1);
      const failing = books.ledger.flush();
      books.ledger.close();
      await expect(failing).rejects.toThrow();
      await record(books.ledger, 1);
      const before = books.log.length;
      await line.proxy.restore();
      await sleep(600);
      expect(books.log.length).toBeLessThanOrEqual(before + 1);
      expect(await idsIn(opened.database.sql)).toEqual([]);
    });
  },
);

const patiently = { timeout: 30_000, interval: 20 };

const longText = Array.from({ length: 3_000 }, (_, index) =>
  String.fromCodePoint(0x4e00 + index * 6),
).join("");

interface Settings extends Partial<LedgerSettings> {
  readonly maxBytes?: number;
  readonly folder?: string | undefined;
}

/** A ledger over a journal in a folder of its own. */
async function openLedger(
  sql: SqlPool,
  { maxBytes = 2 ** 30, folder, ...settings }: Settings = {},
) {
  const { logger, log } = recordingLogger();
  const directory = await temporaryDirectory();
  const path = folder ?? directory.path;
  const journal = new Journal({
    folder: path,
    header: "{}",
    synchronizes: false,
    maxBytes,
    logger,
  });
  const told: unknown[] = [];
  const ledger = new Ledger(sql, journal, {
    replicaId: uuidv7(),
    flushIntervalMs: never,
    whenJournalFull: "refuse",
    windows: {
      stood: (standing) => void told.push(standing),
      flushed: (costs) => void told.push(costs),
    },
    logger,
    ...settings,
  });
  const dispose = async () => {
    ledger.close();
    await journal.close();
    await directory[Symbol.asyncDispose]();
  };
  return { ledger, journal, log, told, folder: path, [Symbol.asyncDispose]: dispose };
}

async function begin(ledger: Ledger, fields: Partial<Opening> = {}): Promise<Entry> {
  const entry = await ledger.open(opening(fields));
  if (!entry) throw new Error("Cannot open an attempt: the ledger does not take it");
  return entry;
}

/** Attempts from their beginning to their end. @returns their ids, sorted */
async function record(
  ledger: Ledger,
  count: number,
  fields: Partial<Opening> = {},
  end: Partial<Settlement> = {},
): Promise<string[]> {
  const recordOne = async () => {
    const entry = await begin(ledger, fields);
    await ledger.settle(entry, settlement(end));
    return entry.opening.id;
  };
  return (await Promise.all(Array.from({ length: count }, recordOne))).toSorted();
}

function rowIn(logged: unknown): { id: string } {
  return logged as { id: string };
}

async function makeWindow(sql: SqlPool): Promise<number> {
  const [window] = await sql<[{ id: number }]>`
    with budget as (insert into budget (owner_kind, owner_id, slot) values ('custom', 'a', 'max_budget') returning id)
    insert into budget_window (budget_id, starts_at, ends_at) select id, now(), 'infinity' from budget
    returning id::float8 as id`;
  return window.id;
}

async function idsIn(sql: SqlPool): Promise<string[]> {
  const rows = await sql<{ id: string }[]>`select id from spend_log order by id::text`;
  return rows.map(({ id }) => id);
}

async function countedIn(sql: SqlPool) {
  const [counted] = await sql<{ rows: bigint; spend: bigint; calls: bigint }[]>`
    select (select count(*) from spend_log) as rows,
           coalesce((select spend from key_spend where key_id = 'key_1'), 0) as spend,
           coalesce((select calls from spend_daily where owner_kind = 'key' and owner_id = 'key_1'), 0) as calls`;
  return { ...counted };
}
