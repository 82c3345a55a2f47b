import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import { uuidv7 } from "../uuid.ts";
import type { SqlPool } from "../store/database.ts";
import { renewReplica } from "../store/replicas.ts";
import { sharedEngines } from "../testing/database.ts";
import { recordingLogger } from "../testing/ledger.ts";
import { openLine } from "../testing/line.ts";
import { Replica, type ReplicaSettings } from "./replica.ts";

const patiently = { timeout: 20_000, interval: 10 };

function newReplica(sql: SqlPool, settings: Partial<ReplicaSettings> = {}) {
  const { logger, log } = recordingLogger();
  const told = { forfeits: 0, beats: 0 };
  const replica = new Replica(sql, {
    id: uuidv7(),
    allowanceTtlMs: 500,
    isStrict: false,
    onForfeit: () => void (told.forfeits += 1),
    onBeat: async () => void (told.beats += 1),
    logger,
    ...settings,
  });
  const dispose = () => replica.retire().catch(() => undefined);
  return Object.assign(replica, { told, log, [Symbol.asyncDispose]: dispose });
}

async function isKnown(sql: SqlPool, id: string): Promise<boolean> {
  return (await sql`select from replica where id = ${id} and expires_at > now()`).length === 1;
}

const [engine] = sharedEngines.filter(({ name }) => name !== "embedded");

describe.each(engine ? [engine] : [])("$name", ({ open }) => {
  test("it lives as long as it says so, and what it holds is good while the database has heard of it", async () => {
    await using opened = await open();
    const { sql } = opened.database;
    await using replica = newReplica(sql);
    expect(replica.holdsGood).toBe(false);
    await replica.start();
    expect(replica.holdsGood).toBe(true);
    await expect.poll(() => replica.told.beats, patiently).toBeGreaterThan(10);
    expect(await isKnown(sql, replica.id)).toBe(true);
    expect(replica.told.forfeits).toBe(0);

    await replica.retire();
    const { beats } = replica.told;
    await sleep(250);

    expect(replica.told.beats).toBe(beats);
    await replica.end();
    expect(await sql`select from replica`).toHaveLength(0);
  });

  test("it is told that all is forfeit when the database knew it no longer", async () => {
    await using opened = await open();
    const { sql } = opened.database;
    await using replica = newReplica(sql);
    await replica.start();
    await sql`delete from replica`;
    await expect.poll(() => replica.told.forfeits, patiently).toBe(1);
    expect(await isKnown(sql, replica.id)).toBe(true);
    expect(replica.holdsGood).toBe(true);
  });

  test.each([
    [false, "released"],
    [true, "booked as lost"],
  ])(
    "with isStrict %s another that vanished is ended, and what it held %s",
    async (isStrict, how) => {
      await using opened = await open();
      const { sql } = opened.database;
      const other = uuidv7();
      await renewReplica(sql, other, -1);
      await using replica = newReplica(sql, { isStrict });
      await replica.start();
      await expect.poll(() => isGone(sql, other), patiently).toBe(true);
      await expect
        .poll(() => replica.log, patiently)
        .toMatchObject([{ level: 40, replicaId: other, msg: expect.stringContaining(how) }]);
    },
  );

  test("while the database is away nothing that it holds is good for longer than it has promised, and then it is again", async () => {
    await using opened = await open();
    await using line = await openLine(opened.url, 1);
    await using replica = newReplica(line.database.sql);
    await replica.start();
    await line.cut();
    await expect.poll(() => replica.holdsGood, patiently).toBe(false);
    await line.proxy.restore();
    await expect.poll(() => replica.holdsGood, patiently).toBe(true);
    await replica.retire();
  });

  test("it takes all for forfeit when its row was made anew with an answer that never came", async () => {
    await using opened = await open();
    const { sql } = opened.database;
    await using line = await openLine(opened.url, 1);
    await using replica = newReplica(line.database.sql);
    await replica.start();
    await expect.poll(() => replica.told.beats, patiently).toBeGreaterThan(1);
    await sql.begin(async (transaction) => {
      await transaction`delete from replica where id = ${replica.id}`;
      await expect.poll(() => replica.holdsGood, patiently).toBe(false);
      await sleep(100);
      line.proxy.deafen();
    });
    await expect.poll(() => isKnown(sql, replica.id), patiently).toBe(true);
    await line.cut();
    await line.proxy.restore();

    await expect.poll(() => replica.holdsGood, patiently).toBe(true);
    expect(replica.told.forfeits).toBe(1);
    await replica.retire();
  });
});

async function isGone(sql: SqlPool, id: string): Promise<boolean> {
  return (await sql`select from replica where id = ${id}`).length === 0;
}
