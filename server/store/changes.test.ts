import { describe, expect, test } from "vitest";
import { sharedEngines } from "../testing/database.ts";
import { pruneChanges, recentChanges } from "./changes.ts";
import type { Sql } from "./database.ts";

async function recentKeys(sql: Sql): Promise<string[]> {
  return (await recentChanges(sql)).map(({ key_id }) => key_id);
}

function changed(sql: Sql, keyId: string, secondsAgo = 0) {
  return sql`insert into change (key_id, at) values (${keyId}, clock_timestamp() - ${`${secondsAgo} seconds`}::interval)`;
}

describe.each(sharedEngines)("$name", ({ open }) => {
  test("the changes of the last seconds are read, oldest first, and read again", async () => {
    await using opened = await open();
    const { sql } = opened.database;
    expect(await recentChanges(sql)).toEqual([]);
    await changed(sql, "old", 31);
    await changed(sql, "first", 20);
    await sql`insert into change (key_id, secret_hash) values ('second', 'hash')`;
    const expected = [
      { id: expect.any(BigInt), key_id: "first", secret_hash: null },
      { id: expect.any(BigInt), key_id: "second", secret_hash: "hash" },
    ];
    expect(await recentChanges(sql)).toEqual(expected);
    expect(await recentChanges(sql)).toEqual(expected);
  });

  test("pruning drops what is older than an hour and nothing else", async () => {
    await using opened = await open();
    const { sql } = opened.database;
    await changed(sql, "older", 3_700);
    await changed(sql, "younger", 3_500);
    await changed(sql, "now");
    await pruneChanges(sql);
    expect(await sql`select key_id from change order by id`).toEqual([
      { key_id: "younger" },
      { key_id: "now" },
    ]);
  });

  test("a poll among an hour of changes looks at the recent ones only", async () => {
    await using opened = await open();
    const { sql } = opened.database;
    await sql`insert into change (key_id, at) select 'old', now() - interval '30 minutes' from generate_series(1, 5000)`;
    await sql`analyze change`;
    await changed(sql, "new");
    expect(await recentKeys(sql)).toEqual(["new"]);
    await expect.poll(() => indexScans(sql), { timeout: 15_000 }).toBeGreaterThan(0n);
  });
});

/** A statement that a volatile function keeps from using the index reads the whole table twice a second. */
async function indexScans(sql: Sql): Promise<bigint | undefined> {
  await recentChanges(sql);
  const [index] = await sql<
    { scans: bigint }[]
  >`select idx_scan as scans from pg_stat_user_indexes where indexrelname = 'change_at'`;
  return index?.scans;
}

// The embedded engine runs one transaction at a time.
describe.each(sharedEngines.filter(({ name }) => name !== "embedded"))("$name", ({ open }) => {
  test("a change whose transaction began earlier and ends later is still seen by the next poll", async () => {
    await using opened = await open();
    const { sql } = opened.database;
    const seen: string[][] = [];
    await sql.begin(async (slow) => {
      await changed(slow, "slow");
      await changed(sql, "quick");
      seen.push(await recentKeys(sql));
    });
    seen.push(await recentKeys(sql));
    expect(seen).toEqual([["quick"], ["slow", "quick"]]);
  });
});
