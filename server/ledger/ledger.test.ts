import { setTimeout as sleep } from "node:timers/promises";
import * as fc from "fast-check";
import { pino } from "pino";
import { describe, expect, test } from "vitest";
import type { Logger } from "../log.ts";
import { openDatabase, type SqlPool } from "../store/database.ts";
import type { SpendRow } from "../store/spend.ts";
import { sharedEngines } from "../testing/database.ts";
import { spendRow } from "../testing/spend-row.ts";
import { startTcpProxy } from "../testing/tcp-proxy.ts";
import { Ledger, type LedgerSettings } from "./ledger.ts";

/** Longer than any test: only flush() sends. */
const never = 10 * 60_000;

describe.each(sharedEngines)("$name", ({ open }) => {
  test("what is recorded is in the database after the flush interval", async () => {
    await using opened = await open();
    const { sql } = opened.database;
    await using ledger = startLedger(sql, { flushIntervalMs: 20 });
    const rows = record(ledger, 3);
    await expect.poll(() => idsIn(sql), patiently).toEqual(idsOf(rows));
    const more = record(ledger, 2);
    await expect.poll(() => idsIn(sql), patiently).toEqual(idsOf([...rows, ...more]));
    expect(ledger.log).toEqual([]);
  });

  test("a flush ends when everything recorded before it is in the database, over many batches", async () => {
    await using opened = await open();
    const { sql } = opened.database;
    await using ledger = startLedger(sql);
    await ledger.flush();
    record(ledger, 2_500);
    await ledger.flush();
    expect(await countedIn(sql)).toEqual({ rows: 2_500n, spend: 2_500n, calls: 2_500n });
  });

  test("flushes at once share the work: no row is lost, and none is left by whichever ends first", async () => {
    await using opened = await open();
    const { sql } = opened.database;
    await using ledger = startLedger(sql);
    record(ledger, 1_500);
    const flushes = [ledger.flush(), ledger.flush()];
    record(ledger, 700);
    flushes.push(ledger.flush());
    await Promise.all(flushes);
    expect(await countedIn(sql)).toEqual({ rows: 2_200n, spend: 2_200n, calls: 2_200n });
  });

  test(
    "flushes at any moment, at once or while rows come, lose nothing and send nothing twice",
    { timeout: 120_000 },
    async () => {
      await using opened = await open();
      const { sql } = opened.database;
      await using ledger = startLedger(sql, { flushIntervalMs: 1 });
      let recorded = 0n;
      const steps = {
        record: async () => void (recorded += BigInt(record(ledger, 7).length)),
        recordMany: async () => void (recorded += BigInt(record(ledger, 1_200).length)),
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
          fc.array(fc.tuple(step, fc.boolean()), { minLength: 6, maxLength: 16 }),
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
        { numRuns: 15, endOnFailure: true },
      );
      expect(ledger.log).toEqual([]);
    },
  );

  test(
    "a row that Postgres will never take does not hold up the others, and is written to the log",
    { timeout: 60_000 },
    async () => {
      await using opened = await open();
      const { sql } = opened.database;
      await using ledger = startLedger(sql);
      const poison: Partial<SpendRow>[] = [
        { error_code: "a\u0000b" },
        { cost: "-1" },
        { status: "lost" as "failure" },
        // Too long for an index, and no repetition in it that would compress.
        {
          user_id: Array.from({ length: 3_000 }, (_, index) =>
            String.fromCodePoint(0x4e00 + index * 6),
          ).join(""),
        },
      ];
      const good = record(ledger, 20);
      const bad = poison.map((fields) => recordOne(ledger, fields));
      good.push(...record(ledger, 20));
      await ledger.flush();
      expect(await idsIn(sql)).toEqual(idsOf(good));
      expect(ledger.log.map(({ level, row }) => [level, row?.id]).toSorted()).toEqual(
        bad.map(({ id }) => [50, id]).toSorted(),
      );
      expect(ledger.log[0]?.row).toMatchObject({ key_id: "key_1", cost: expect.any(String) });
    },
  );

  test("a partition that was dropped meanwhile is made again, for one row as for many", async () => {
    await using opened = await open();
    const { sql } = opened.database;
    await using ledger = startLedger(sql, { flushIntervalMs: 20 });
    for (const count of [1, 3]) {
      record(ledger, 1);
      await ledger.flush();
      await sql`drop table spend_log_2026_03`;
      const rows = record(ledger, count);
      await expect.poll(() => idsIn(sql), patiently).toEqual(idsOf(rows));
    }
    expect(ledger.log.filter(({ level }) => level === 50)).toEqual([]);
  });

  test("a row goes to the partition of its id, whatever its times say", async () => {
    await using opened = await open();
    const { sql } = opened.database;
    await using ledger = startLedger(sql);
    const { id } = spendRow({ started_at: new Date("2026-06-30T23:59:59.999Z") });
    recordOne(ledger, { id, started_at: new Date("2026-07-01T00:00:00Z") });
    await ledger.flush();
    expect(await sql`select id, tableoid::regclass::text as partition from spend_log`).toEqual([
      { id, partition: "spend_log_2026_06" },
    ]);
  });

  test("at its capacity it is full, and no longer once rows are written", async () => {
    await using opened = await open();
    await using ledger = startLedger(opened.database.sql, { capacity: 3 });
    record(ledger, 2);
    expect(ledger.isFull).toBe(false);
    record(ledger, 1);
    expect(ledger.isFull).toBe(true);
    // A call that was admitted before is still accounted for.
    record(ledger, 1);
    await ledger.flush();
    expect(ledger.isFull).toBe(false);
    expect((await countedIn(opened.database.sql)).rows).toBe(4n);
  });
});

describe.each(sharedEngines.filter(({ name }) => name !== "embedded"))(
  "$name behind a line that breaks",
  ({ open }) => {
    test(
      "rows wait while the database is away and land once when it is back, as do those recorded meanwhile",
      { timeout: 60_000 },
      async () => {
        await using opened = await open();
        await using line = await openLine(opened.url);
        await using ledger = startLedger(line.sql, { flushIntervalMs: 20 });
        const rows = record(ledger, 1);
        await ledger.flush();
        await line.proxy.cut();
        rows.push(...record(ledger, 1_500));
        await expect(ledger.flush()).rejects.toThrow();
        await expect.poll(() => ledger.log.length, patiently).toBeGreaterThanOrEqual(3);
        rows.push(...record(ledger, 10));
        expect(await idsIn(opened.database.sql)).toHaveLength(1);
        await line.proxy.restore();
        const restoredAt = performance.now();
        await expect.poll(() => idsIn(opened.database.sql), patiently).toEqual(idsOf(rows));
        // The longest back-off, and what a slow machine adds.
        expect(performance.now() - restoredAt).toBeLessThan(5_000 + 4_000);
        expect(await countedIn(opened.database.sql)).toEqual({
          rows: 1_511n,
          spend: 1_511n,
          calls: 1_511n,
        });
        expect(
          ledger.log.every(
            ({ level, msg }) =>
              level === 40 && msg === "cannot write spend: it is kept and tried again",
          ),
        ).toBe(true);
      },
    );

    test("a drain waits for a database that comes back", { timeout: 60_000 }, async () => {
      await using opened = await open();
      await using line = await openLine(opened.url);
      await using ledger = startLedger(line.sql);
      const rows = record(ledger, 3);
      await line.proxy.cut();
      const drained = ledger.drain(30_000);
      await expect.poll(() => ledger.isFull, patiently).toBe(false);
      await line.proxy.restore();
      await drained;
      expect(await idsIn(opened.database.sql)).toEqual(idsOf(rows));
      expect(ledger.log).toEqual([]);
    });

    test("a drain gives up in time and writes what it could not send to the log, though the database only stays silent", async () => {
      await using opened = await open();
      await using line = await openLine(opened.url);
      await using ledger = startLedger(line.sql);
      line.proxy.deafen();
      const rows = record(ledger, 3);
      const startedAt = performance.now();
      await ledger.drain(300);
      expect(performance.now() - startedAt).toBeLessThan(10_000);
      expect(ledger.log.map(({ row }) => row?.id).toSorted()).toEqual(idsOf(rows));
    });

    test("an answer that is lost after the commit counts once", { timeout: 60_000 }, async () => {
      await using opened = await open();
      const { sql } = opened.database;
      await using line = await openLine(opened.url);
      await using ledger = startLedger(line.sql);
      const rows = record(ledger, 1);
      await ledger.flush();
      line.proxy.deafen();
      rows.push(...record(ledger, 50));
      const unanswered = ledger.flush();
      await expect.poll(() => idsIn(sql), patiently).toEqual(idsOf(rows));
      // Others flush and record while the answer is still awaited.
      const joined = ledger.flush();
      rows.push(...record(ledger, 5));
      await Promise.all([line.proxy.cut(), expect(unanswered).rejects.toThrow()]);
      await joined.catch(() => {});
      await line.proxy.restore();
      await ledger.flush();
      expect(await idsIn(sql)).toEqual(idsOf(rows));
      expect(await countedIn(sql)).toEqual({ rows: 56n, spend: 56n, calls: 56n });
    });

    test(
      "a line that breaks again and again neither loses nor doubles",
      { timeout: 120_000 },
      async () => {
        await using opened = await open();
        const { sql } = opened.database;
        await using line = await openLine(opened.url);
        await using ledger = startLedger(line.sql, { flushIntervalMs: 5 });
        let recorded = 0n;
        for (let round = 0; round < 12; round += 1) {
          for (let burst = 0; burst < 5; burst += 1) {
            recorded += BigInt(record(ledger, 300).length);
            await sleep(3 * (round % 4));
          }
          if (round % 2 === 0) line.proxy.deafen();
          await sleep(10);
          await line.proxy.cut();
          await line.proxy.restore();
        }
        await expect.poll(async () => (await countedIn(sql)).rows, patiently).toBe(recorded);
        await ledger.flush();
        expect(await countedIn(sql)).toEqual({ rows: recorded, spend: recorded, calls: recorded });
      },
    );

    test("once closed it tries no more, though the database is away and rows wait", async () => {
      await using opened = await open();
      await using line = await openLine(opened.url);
      const ledger = startLedger(line.sql, { flushIntervalMs: 1 });
      await line.proxy.cut();
      record(ledger, 1);
      const failing = ledger.flush();
      ledger.close();
      await expect(failing).rejects.toThrow();
      record(ledger, 1);
      const before = ledger.log.length;
      await line.proxy.restore();
      await sleep(600);
      expect(ledger.log.length).toBeLessThanOrEqual(before + 1);
      expect(await idsIn(opened.database.sql)).toEqual([]);
    });
  },
);

const patiently = { timeout: 30_000, interval: 20 };

interface LogLine {
  readonly level: number;
  readonly msg: string;
  readonly row?: SpendRow;
}

class TestLedger extends Ledger implements AsyncDisposable {
  readonly log: readonly LogLine[];

  constructor(sql: SqlPool, settings: Partial<LedgerSettings> = {}) {
    const log: LogLine[] = [];
    super(sql, loggerTo(log), { flushIntervalMs: never, ...settings });
    this.log = log;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.close();
  }
}

function startLedger(sql: SqlPool, settings?: Partial<LedgerSettings>): TestLedger {
  return new TestLedger(sql, settings);
}

function loggerTo(log: LogLine[]): Logger {
  return pino({}, { write: (line: string) => log.push(JSON.parse(line) as LogLine) });
}

async function openLine(url: string | undefined) {
  if (url === undefined) throw new Error("Cannot break the line to a database that has none");
  const proxy = await startTcpProxy(url);
  const { sql } = await openDatabase({
    url: proxy.url,
    dataDir: "",
    poolSize: 4,
    prepare: true,
  });
  const dispose = async () => {
    await sql.end({ timeout: 0 });
    await proxy.cut();
  };
  return { proxy, sql, [Symbol.asyncDispose]: dispose };
}

function record(ledger: Ledger, count: number): SpendRow[] {
  return Array.from({ length: count }, () => recordOne(ledger));
}

function recordOne(ledger: Ledger, fields?: Partial<SpendRow>): SpendRow {
  const row = spendRow(fields);
  ledger.record(row);
  return row;
}

function idsOf(rows: readonly SpendRow[]): string[] {
  return rows.map(({ id }) => id).toSorted();
}

async function idsIn(sql: SqlPool): Promise<string[]> {
  const rows = await sql<{ id: string }[]>`select id from spend_log order by id`;
  return rows.map(({ id }) => id);
}

async function countedIn(sql: SqlPool) {
  const [counted] = await sql<{ rows: bigint; spend: bigint; calls: bigint }[]>`
    select (select count(*) from spend_log) as rows,
           coalesce((select spend from key_spend where key_id = 'key_1'), 0) as spend,
           coalesce((select calls from spend_daily where owner_kind = 'key' and owner_id = 'key_1'), 0) as calls`;
  return { ...counted };
}
