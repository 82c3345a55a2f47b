import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { mkdir, readdir } from "node:fs/promises";
import { join } from "node:path";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { RateCard } from "../../shared/spend.ts";
import { uuidv7 } from "../uuid.ts";
import { carve } from "../store/allowances.ts";
import type { SqlPool } from "../store/database.ts";
import { bookLapsed, databaseId, renewReplica } from "../store/replicas.ts";
import { verify } from "../store/verify.ts";
import { sharedEngines } from "../testing/database.ts";
import { temporaryDirectory } from "../testing/gateway-process.ts";
import { opening, recordingLogger, settlement } from "../testing/ledger.ts";
import { openLine } from "../testing/line.ts";
import { Adoption } from "./adoption.ts";
import type { Opening } from "./attempt-json.ts";
import { claimOrphans } from "./journal-folder.ts";
import { Journal } from "./journal.ts";
import { type Entry, Ledger } from "./ledger.ts";
import { replay } from "./replay.ts";

const card: RateCard = { id: "card-1", source: "config", rates: { input: "1" } };
const target = { group: "gpt", id: "gpt/openai", upstreamModel: "gpt-5-mini", rateCard: card };

const estimate = { cost: 1_000n, inputTokens: 11, outputTokens: 22 };

/** A process that writes a journal: everything of it that matters to whoever finds the journal. */
async function startProcess(sql: SqlPool, root: string, fields: { database?: string } = {}) {
  const replicaId = uuidv7();
  const folder = join(root, replicaId);
  await mkdir(folder);
  const { logger } = recordingLogger();
  const database = fields.database ?? (await databaseId(sql));
  const header = JSON.stringify({ journal: 1, replica: replicaId, database });
  const journal = new Journal({ folder, header, synchronizes: false, maxBytes: 2 ** 30, logger });
  const ledger = new Ledger(sql, journal, {
    replicaId,
    flushIntervalMs: 10 * 60_000,
    whenJournalFull: "refuse",
    windows: { stood: () => undefined, flushed: () => undefined },
    logger,
  });
  const open = async (more: Partial<Opening> = {}): Promise<Entry> => {
    const entry = await ledger.open(opening({ target, estimate, ...more }));
    if (!entry) throw new Error("Cannot open an attempt: the journal does not take it");
    return entry;
  };
  /** Nothing more happens in it. */
  const kill = async () => {
    ledger.close();
    await journal.close();
  };
  return { replicaId, folder, ledger, journal, open, kill, [Symbol.asyncDispose]: kill };
}

type Files = ReadonlyMap<string, Buffer>;

function filesIn(folder: string): Files {
  const names = readdirSync(folder).filter((name) => name.endsWith(".journal"));
  return new Map(names.toSorted().map((name) => [name, readFileSync(join(folder, name))]));
}

function putFiles(folder: string, files: Files): void {
  mkdirSync(folder, { recursive: true });
  for (const [name, bytes] of files) writeFileSync(join(folder, name), bytes);
}

/** Adopts everything below the root, as a process does when it starts. */
async function replayAll(sql: SqlPool, root: string) {
  const { logger, log } = recordingLogger();
  const database = await databaseId(sql);
  const replayed = [];
  for (const folder of await claimOrphans(root))
    replayed.push(await replay({ root, database, sql, logger }, folder));
  return { replayed, log };
}

async function rowsIn(sql: SqlPool, ids?: readonly string[]) {
  return sql<{ id: string; status: string; cost: bigint }[]>`
    select id, status, cost from spend_log
     where ${ids === undefined} or id = any(${[...(ids ?? [])]}::uuid[]) order by started_at, id::text`;
}

/** A window of an unlimited budget, and what a replica holds of it. */
async function hold(sql: SqlPool, replicaId: string, amount: bigint): Promise<number> {
  await renewReplica(sql, replicaId, 600);
  const [budget] = await sql<[{ id: number }]>`
    insert into budget (owner_kind, owner_id, slot) values ('custom', ${replicaId}, 'max_budget') returning id::float8 as id`;
  const request = { budgetId: budget.id, need: amount, want: amount };
  const [carved] = await carve(sql, [request], { replicaId, timeZone: "UTC" });
  return carved?.window_id ?? 0;
}

/** Suites on statements run on every engine; here the embedded one and a server say enough. */
const engines = sharedEngines.slice(0, 2);

describe.each(engines)("$name", ({ open }) => {
  test("what had ended is written as it ended, what had not at its estimate, and the journal is gone", async () => {
    await using opened = await open();
    const { sql } = opened.database;
    await using root = await temporaryDirectory();
    const dead = await startProcess(sql, root.path);
    const window = await hold(sql, dead.replicaId, 5_000n);
    const windows = [window];
    const [ended, flushed, interrupted] = [
      await dead.open({ windows, startedAtMs: 1_772_600_000_000 }),
      await dead.open({ windows, startedAtMs: 1_772_600_000_001 }),
      await dead.open({ windows, startedAtMs: 1_772_600_000_002 }),
    ];
    await dead.ledger.settle(flushed, settlement({ cost: 7n }));
    await dead.ledger.flush();
    await dead.ledger.settle(ended, settlement({ cost: 300n, status: "aborted" }));
    await dead.kill();
    expect(await verify(sql)).toMatchObject({ held: 4_993n, differences: [] });

    const { replayed, log } = await replayAll(sql, root.path);

    // The one that was flushed stood beside the one that was under way.
    expect(replayed).toEqual([{ settled: 2, interrupted: 1 }]);
    expect(await rowsIn(sql)).toEqual([
      { id: ended.opening.id, status: "aborted", cost: 300n },
      { id: flushed.opening.id, status: "success", cost: 7n },
      { id: interrupted.opening.id, status: "interrupted", cost: 1_000n },
    ]);
    const [row] = await sql`
      select key_id, rate_card, windows, input_tokens, output_tokens, error_code, estimated, ended_at > now() - interval '1 minute' as ended_now
        from spend_log where status = 'interrupted'`;
    expect(row).toEqual({
      key_id: "key_1",
      rate_card: card.id,
      windows: [BigInt(window)],
      input_tokens: 11n,
      output_tokens: 22n,
      error_code: "interrupted",
      estimated: true,
      ended_now: true,
    });
    expect(await sql`select spent from budget_window`).toEqual([{ spent: 1_307n }]);
    expect(await verify(sql)).toMatchObject({ held: 0n, replicas: 0n, differences: [] });
    expect(await readdir(root.path)).toEqual([]);
    expect(log).toEqual([]);
  });

  test(
    "killed at any point, each attempt that ended has its row, each that left has one at its estimate, and nothing else has",
    { timeout: 120_000 },
    async () => {
      await using opened = await open();
      const { sql } = opened.database;
      const step = fc.record({
        name: fc.constantFrom("open", "open", "settle", "settle", "flush" as const),
        isAwaited: fc.boolean(),
      });
      const scene = fc.record({
        steps: fc.array(step, { minLength: 3, maxLength: 18 }),
        flushesLast: fc.boolean(),
        last: fc.array(fc.constantFrom("open", "settle" as const), { maxLength: 5 }),
        cut: fc.double({ min: 0, max: 1, noNaN: true }),
      });
      await fc.assert(
        fc.asyncProperty(scene, async ({ steps, flushesLast, last, cut }) => {
          await using root = await temporaryDirectory();
          await using grave = await temporaryDirectory();
          await using process = await startProcess(sql, root.path);
          const windows = [await hold(sql, process.replicaId, 10_000n)];
          const underWay: Entry[] = [];
          const ids: string[] = [];
          const ended = new Map<string, bigint>();
          const begin = async () => {
            const entry = await process.open({ windows });
            underWay.push(entry);
            ids.push(entry.opening.id);
          };
          const end = async () => {
            const entry = underWay.shift();
            if (!entry) return;
            const cost = BigInt(ids.length);
            await process.ledger.settle(entry, settlement({ cost }));
            ended.set(entry.opening.id, cost);
          };
          const running: Promise<unknown>[] = [];
          for (const { name, isAwaited } of steps) {
            if (name === "open") running.push(begin());
            if (name === "settle") running.push(end());
            if (name === "flush") running.push(process.ledger.flush());
            if (isAwaited) await running.at(-1);
          }
          await Promise.all(running);
          // The last flush may have got anywhere when the process died.
          const flushing = flushesLast ? process.ledger.flush() : Promise.resolve();
          const certain = new Map(ended);
          const left = new Set(underWay.map((entry) => entry.opening.id));
          const before = filesIn(process.folder);
          await Promise.all(last.map((name) => (name === "open" ? begin() : end())));
          const after = filesIn(process.folder);
          await flushing;
          await process.kill();
          // Its last write got as far as this.
          const [name = "", whole = Buffer.alloc(0)] = [...after].at(-1) ?? [];
          const whatWas = before.get(name) ?? Buffer.alloc(0);
          const grown = whatWas.length + Math.round((whole.length - whatWas.length) * cut);
          const files = new Map(before);
          if (grown > whatWas.length) files.set(name, whole.subarray(0, grown));
          putFiles(join(grave.path, process.replicaId), files);

          const { log } = await replayAll(sql, grave.path);

          const rows = new Map((await rowsIn(sql, ids)).map((row) => [row.id, row]));
          for (const [id, cost] of certain)
            expect(rows.get(id)).toEqual({ id, status: "success", cost });
          for (const id of left) {
            const costs = [estimate.cost, ended.get(id)];
            expect(costs).toContain(rows.get(id)?.cost);
          }
          const known = new Set([...certain.keys(), ...left]);
          for (const { id, status } of rows.values())
            if (!known.has(id)) expect(status).toBe("interrupted");
          expect(await verify(sql)).toMatchObject({ held: 0n, replicas: 0n, differences: [] });
          expect(await readdir(grave.path)).toEqual([]);
          expect(log).toEqual([]);
        }),
        { numRuns: 20, endOnFailure: true },
      );
    },
  );

  test("what is replayed twice, because the first time was cut short before the end, counts once", async () => {
    await using opened = await open();
    const { sql } = opened.database;
    await using root = await temporaryDirectory();
    await using process = await startProcess(sql, root.path);
    const windows = [await hold(sql, process.replicaId, 5_000n)];
    await process.open({ windows });
    await process.ledger.settle(await process.open({ windows }), settlement({ cost: 3n }));
    const files = filesIn(process.folder);
    await process.kill();
    await replayAll(sql, root.path);
    const once = await rowsIn(sql);
    putFiles(process.folder, files);

    await replayAll(sql, root.path);

    expect(await rowsIn(sql)).toEqual(once);
    expect(once).toHaveLength(2);
    expect(await verify(sql)).toMatchObject({ held: 0n, differences: [] });
  });

  test("what was booked as lost when the process vanished is found again in its journal", async () => {
    await using opened = await open();
    const { sql } = opened.database;
    await using root = await temporaryDirectory();
    await using process = await startProcess(sql, root.path);
    const windows = [await hold(sql, process.replicaId, 5_000n)];
    await process.ledger.settle(await process.open({ windows }), settlement({ cost: 30n }));
    await process.open({ windows });
    await process.kill();
    await sql`update replica set expires_at = now() - interval '1 second'`;
    await bookLapsed(sql);
    expect(await sql`select spent from budget_window`).toEqual([{ spent: 5_000n }]);

    await replayAll(sql, root.path);

    expect(await sql`select spent from budget_window`).toEqual([{ spent: 1_030n }]);
    expect(await verify(sql)).toMatchObject({ held: 0n, differences: [] });
  });
});

const [onServer] = sharedEngines.filter(({ name }) => name !== "embedded");

describe.each(onServer ? [onServer] : [])("$name", ({ open }) => {
  test("a journal that belongs to another database is set aside, and none of it written", async () => {
    await using opened = await open();
    const { sql } = opened.database;
    await using root = await temporaryDirectory();
    const fields = { database: uuidv7() };
    await using process = await startProcess(sql, root.path, fields);
    await process.open();
    await process.journal.settle(undefined, {
      json: `{"id":"${uuidv7()}"}`,
      rateCard: null,
      windows: [],
      cost: 1n,
    });
    await process.kill();
    const [[name = "", bytes] = []] = [...filesIn(process.folder)];

    const { replayed, log } = await replayAll(sql, root.path);

    expect(replayed).toEqual([{ settled: 0, interrupted: 0 }]);
    expect(await rowsIn(sql)).toEqual([]);
    const path = join(root.path, "aside", `${process.replicaId}-${name}`);
    expect(readFileSync(path)).toEqual(bytes);
    expect(log).toMatchObject([
      { level: 50, path, msg: expect.stringContaining("another database") },
    ]);
    expect(await readdir(root.path)).toEqual(["aside"]);
  });

  test("of a corrupt segment what stands before the fault is written, the file is set aside, and the other segments count", async () => {
    await using opened = await open();
    const { sql } = opened.database;
    await using root = await temporaryDirectory();
    await using process = await startProcess(sql, root.path);
    const [first, second, third] = [
      await process.open(),
      await process.open(),
      await process.open(),
    ];
    await process.ledger.settle(first, settlement({ cost: 1n }));
    await process.ledger.settle(second, settlement({ cost: 2n }));
    await process.journal.seal();
    await process.ledger.settle(third, settlement({ cost: 3n }));
    await process.kill();
    const [name = ""] = readdirSync(process.folder);
    const bytes = readFileSync(join(process.folder, name));
    // In the last line of the first segment: how the second attempt ended.
    bytes[bytes.length - 9] = 0;
    writeFileSync(join(process.folder, name), bytes);

    const { log } = await replayAll(sql, root.path);

    const rows = new Map((await rowsIn(sql)).map(({ id, cost }) => [id, cost]));
    expect(rows.get(first.opening.id)).toBe(1n);
    expect(rows.get(second.opening.id)).toBe(estimate.cost);
    expect(rows.get(third.opening.id)).toBe(3n);
    const path = join(root.path, "aside", `${process.replicaId}-${name}`);
    expect(log).toMatchObject([{ level: 50, path, msg: expect.stringContaining("corrupt") }]);
    expect(readFileSync(path)).toEqual(bytes);
    expect(await readdir(root.path)).toEqual(["aside"]);
  });

  test("an empty segment, or one with half a header, is nothing", async () => {
    await using opened = await open();
    const { sql } = opened.database;
    await using root = await temporaryDirectory();
    const files = new Map([
      ["00000001.journal", Buffer.alloc(0)],
      ["00000002.journal", Buffer.from("H0000")],
    ]);
    putFiles(join(root.path, uuidv7()), files);
    const { replayed, log } = await replayAll(sql, root.path);
    expect(replayed).toEqual([{ settled: 0, interrupted: 0 }]);
    expect(log).toEqual([]);
    expect(await readdir(root.path)).toEqual([]);
  });

  test("while the database is away a journal stays as it was, and is replayed when it is back", async () => {
    await using opened = await open();
    const { sql } = opened.database;
    await using root = await temporaryDirectory();
    await using process = await startProcess(sql, root.path);
    await process.ledger.settle(await process.open(), settlement());
    await process.kill();
    const files = filesIn(process.folder);
    await using line = await openLine(opened.url);
    const { logger, log } = recordingLogger();
    const settings = { root: root.path, databaseId: await databaseId(sql), logger };
    const adoption = new Adoption(line.database, settings);
    await adoption.claim();
    await line.cut();

    await adoption.run();

    expect(filesIn(process.folder)).toEqual(files);
    expect(log.map(({ level }) => level)).toEqual([40]);
    await line.proxy.restore();
    await adoption.run();
    expect(await rowsIn(sql)).toHaveLength(1);
    expect(await readdir(root.path)).toEqual([]);
    await adoption.close();
  });

  test("a journal that cannot be read does not hold up the others, and waits for the next time", async () => {
    await using opened = await open();
    const { sql } = opened.database;
    await using root = await temporaryDirectory();
    // A folder where a file should be.
    const unreadable = uuidv7();
    await mkdir(join(root.path, unreadable, "00000001.journal"), { recursive: true });
    await using process = await startProcess(sql, root.path);
    await process.ledger.settle(await process.open(), settlement());
    await process.kill();
    const { logger, log } = recordingLogger();
    const settings = { root: root.path, databaseId: await databaseId(sql), logger };
    const adoption = new Adoption(opened.database, settings);
    await adoption.claim();

    await adoption.run();

    expect(await rowsIn(sql)).toHaveLength(1);
    expect(await readdir(root.path)).toEqual([unreadable]);
    expect(log.map(({ level }) => level).toSorted()).toEqual([30, 40]);
    await adoption.close();
  });

  test("a replica whose journal was found is gone for the others before anything is replayed", async () => {
    await using opened = await open();
    const { sql } = opened.database;
    await using root = await temporaryDirectory();
    const dead = uuidv7();
    await renewReplica(sql, dead, 600);
    await mkdir(join(root.path, dead));
    const { logger } = recordingLogger();
    const settings = { root: root.path, databaseId: await databaseId(sql), logger };
    const adoption = new Adoption(opened.database, settings);

    await adoption.claim();

    expect(await sql`select seen_at < now() - interval '1 year' as gone from replica`).toEqual([
      { gone: true },
    ]);
    await adoption.close();
    // What was not replayed is there for whoever comes next.
    expect(await claimOrphans(root.path)).toHaveLength(1);
  });
});
