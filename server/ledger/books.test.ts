import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import type { Database } from "../store/database.ts";
import { verify } from "../store/verify.ts";
import { sharedEngines } from "../testing/database.ts";
import { temporaryDirectory } from "../testing/gateway-process.ts";
import { opening, recordingLogger, settlement } from "../testing/ledger.ts";
import { openLine } from "../testing/line.ts";
import { makeBudget } from "../testing/office.ts";
import { type Books, openBooks } from "./books.ts";
import { Hold } from "./purse.ts";

function open(database: Database, dataDir: string): Promise<Books> {
  return openBooks(database, {
    dataDir,
    flushIntervalMs: 10 * 60_000,
    journalMaxBytes: 2 ** 30,
    whenJournalFull: "refuse",
    journalSynchronizes: true,
    allowanceTtlMs: 60_000,
    isStrict: false,
    timeZone: "UTC",
    logger: recordingLogger().logger,
  });
}

/** A call on a budget, from its hold to its end. */
async function call({ allowances, ledger }: Books, budget: number, cost: bigint): Promise<void> {
  const request = { budgets: [budget], need: 10n, least: 10n };
  const hold = allowances.hold(request) ?? (await allowances.fetch(request));
  if (!(hold instanceof Hold)) throw new Error(`Cannot hold: the budget is ${hold.kind}`);
  const entry = await ledger.open(opening({ windows: hold.windows }));
  if (!entry) throw new Error("Cannot open an attempt: the journal does not take it");
  hold.settle(cost);
  await ledger.settle(entry, settlement({ cost }));
}

const [engine] = sharedEngines.filter(({ name }) => name !== "embedded");

describe.each(engine ? [engine] : [])("$name", ({ open: openDatabaseCopy }) => {
  test("closed, they leave everything in the database, nothing held, and nothing on the disk", async () => {
    await using opened = await openDatabaseCopy();
    const { sql } = opened.database;
    await using directory = await temporaryDirectory();
    const books = await open(opened.database, directory.path);
    const budget = await makeBudget(sql, { cap: 1_000n });
    await call(books, budget, 7n);
    expect(await readdir(join(directory.path, "journal"))).toEqual([books.replica.id]);

    await books.close(10_000);

    expect(await readdir(join(directory.path, "journal"))).toEqual([]);
    expect(await verify(sql)).toMatchObject({ rows: 1n, replicas: 0n, held: 0n, differences: [] });
    expect(await sql`select spent from budget_window`).toEqual([{ spent: 7n }]);
  });

  test("closed while the database is away they leave their journal, which the next ones in that directory take over", async () => {
    await using opened = await openDatabaseCopy();
    const { sql } = opened.database;
    await using directory = await temporaryDirectory();
    await using line = await openLine(opened.url);
    const books = await open(line.database, directory.path);
    const budget = await makeBudget(sql, { cap: 1_000n });
    await call(books, budget, 7n);
    await line.cut();
    await books.close(100);
    expect(await readdir(join(directory.path, "journal"))).toEqual([books.replica.id]);
    expect((await verify(sql)).rows).toBe(0n);

    const next = await open(opened.database, directory.path);
    await next.adopted;

    expect(await readdir(join(directory.path, "journal"))).toEqual([next.replica.id]);
    expect(await verify(sql)).toMatchObject({ rows: 1n, replicas: 1n, held: 0n, differences: [] });
    expect(await sql`select spent from budget_window`).toEqual([{ spent: 7n }]);
    await next.close(10_000);
  });

  test("opened at once in one directory each has a journal of its own", async () => {
    await using opened = await openDatabaseCopy();
    await using directory = await temporaryDirectory();
    const all = await Promise.all(
      Array.from({ length: 4 }, () => open(opened.database, directory.path)),
    );
    const ids = all.map(({ replica }) => replica.id);
    const left = await readdir(join(directory.path, "journal"));
    expect(left.toSorted()).toEqual(ids.toSorted());
    await Promise.all(all.map((books) => books.close(10_000)));
    expect(await readdir(join(directory.path, "journal"))).toEqual([]);
  });
});
