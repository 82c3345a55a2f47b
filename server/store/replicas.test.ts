import { describe, expect, test } from "vitest";
import { uuidv7 } from "../uuid.ts";
import { sharedEngines } from "../testing/database.ts";
import { makeBudget } from "../testing/office.ts";
import { carve } from "./allowances.ts";
import type { Sql, SqlPool } from "./database.ts";
import {
  bookLapsed,
  databaseId,
  endReplica,
  findElders,
  releaseLapsed,
  renewReplica,
  retireReplica,
} from "./replicas.ts";
import { verify } from "./verify.ts";

const [first, second, third] = [uuidv7(1), uuidv7(2), uuidv7(3)];

describe.each(sharedEngines)("$name", ({ open }) => {
  test("a database has an id of its own, the same to all who ask", async () => {
    await using opened = await open();
    const { sql } = opened.database;
    const id = await databaseId(sql);
    expect(id).toMatch(/^[0-9a-f-]{36}$/);
    expect(await databaseId(sql)).toBe(id);
  });

  test("a replica is new once, and again after it has been ended", async () => {
    await using opened = await open();
    const { sql } = opened.database;
    expect(await renewReplica(sql, first, 60)).toBe(true);
    expect(await renewReplica(sql, first, 60)).toBe(false);
    expect(await renewReplica(sql, second, 60)).toBe(true);
    await endReplica(sql, first);
    expect(await renewReplica(sql, first, 60)).toBe(true);
  });

  test("a replica has those before it that were heard of lately, and none that retired", async () => {
    await using opened = await open();
    const { sql } = opened.database;
    for (const id of [first, second, third]) await renewReplica(sql, id, 60);
    const elders = async (id: string) => (await findElders(sql, id)).map((elder) => elder.id);
    expect(await elders(first)).toEqual([]);
    expect((await elders(third)).toSorted()).toEqual([first, second]);

    await retireReplica(sql, first);
    await sql`update replica set seen_at = now() - interval '16 seconds' where id = ${second}`;
    expect(await elders(third)).toEqual([]);

    await renewReplica(sql, second, 60);
    expect(await elders(third)).toEqual([second]);
    expect(await elders(uuidv7())).toEqual([]);
  });

  test("one that retires keeps what it holds, until it ends", async () => {
    await using opened = await open();
    const { sql } = opened.database;
    const { held } = await holdings(sql, { [first]: 30n });
    await retireReplica(sql, first);
    expect(await held()).toEqual({ [first]: 30n });
    await endReplica(sql, first);
    expect(await held()).toEqual({});
    expect(await verify(sql)).toMatchObject({ replicas: 0n, differences: [] });
  });

  test.each([
    ["released", releaseLapsed, 0n],
    ["booked as lost", bookLapsed, 30n],
  ] as const)(
    "what a replica held that was not renewed in time is %s, and nobody else's",
    async (_name, endLapsed, spent) => {
      await using opened = await open();
      const { sql } = opened.database;
      const { held, windows } = await holdings(sql, { [first]: 30n, [second]: 40n });
      expect(await endLapsed(sql)).toEqual([]);
      await lapse(sql, first);

      expect(await endLapsed(sql)).toEqual([first]);

      expect(await endLapsed(sql)).toEqual([]);
      expect(await held()).toEqual({ [second]: 40n });
      expect(await windows()).toEqual([{ spent }]);
      expect(await renewReplica(sql, first, 60)).toBe(true);
      expect(await verify(sql)).toMatchObject({ replicas: 2n, differences: [] });
    },
  );

  test("what is booked as lost of a replica is found when it ends, once, however often that is said", async () => {
    await using opened = await open();
    const { sql } = opened.database;
    const { windows } = await holdings(sql, { [first]: 30n, [second]: 40n });
    const other = await makeBudget(sql, { cap: 100n });
    const request = { budgetId: other, need: 5n, want: 5n };
    await carve(sql, [request], { replicaId: first, timeZone: "UTC" });
    for (const id of [first, second]) await lapse(sql, id);
    expect((await bookLapsed(sql)).toSorted()).toEqual([first, second]);
    expect(await windows()).toEqual([{ spent: 70n }, { spent: 5n }]);

    await endReplica(sql, first);
    await endReplica(sql, first);

    expect(await windows()).toEqual([{ spent: 40n }, { spent: 0n }]);
    const adjustments = await sql`
      select amount, reason from adjustment where replica_id = ${first} order by amount`;
    expect(adjustments).toEqual([
      { amount: -30n, reason: "found" },
      { amount: -5n, reason: "found" },
      { amount: 5n, reason: "lost" },
      { amount: 30n, reason: "lost" },
    ]);
    expect((await verify(sql)).differences).toEqual([]);
  });

  test("one that is lost a second time is found for both", async () => {
    await using opened = await open();
    const { sql } = opened.database;
    const { windows, take } = await holdings(sql, { [first]: 30n });
    await lapse(sql, first);
    await bookLapsed(sql);
    await renewReplica(sql, first, 60);
    await take(first, 20n);
    await lapse(sql, first);
    await bookLapsed(sql);
    expect(await windows()).toEqual([{ spent: 50n }]);
    await endReplica(sql, first);
    expect(await windows()).toEqual([{ spent: 0n }]);
  });

  test("nothing is given to a replica that the database does not know", async () => {
    await using opened = await open();
    const { sql } = opened.database;
    const { held, take } = await holdings(sql, { [first]: 30n });
    await lapse(sql, first);
    await releaseLapsed(sql);
    await expect(take(first, 5n)).rejects.toMatchObject({ code: "23503" });
    expect(await held()).toEqual({});
  });
});

describe.each(sharedEngines.filter(({ name }) => name !== "embedded").slice(0, 1))(
  "$name: at the same time",
  ({ open }) => {
    test.each([
      ["released", releaseLapsed],
      ["booked as lost", bookLapsed],
    ] as const)("what is renewed while it would lapse is not %s", async (_name, endLapsed) => {
      await using opened = await open();
      const { sql } = opened.database;
      const { held } = await holdings(sql, { [first]: 30n });
      await lapse(sql, first);
      let ending: Promise<string[]> = Promise.resolve([]);
      await sql.begin(async (transaction) => {
        expect(await renewReplica(transaction, first, 60)).toBe(false);
        ending = endLapsed(sql);
        await settledOrWaiting(sql, ending);
      });
      expect(await ending).toEqual([]);
      expect(await held()).toEqual({ [first]: 30n });
    });

    test.each([
      ["released", releaseLapsed],
      ["booked as lost", bookLapsed],
    ] as const)(
      "a replica that is renewed while it is %s learns that it is new",
      async (_name, endLapsed) => {
        await using opened = await open();
        const { sql } = opened.database;
        const { held } = await holdings(sql, { [first]: 30n });
        await lapse(sql, first);
        let renewing: Promise<boolean> = Promise.resolve(false);
        await sql.begin(async (transaction) => {
          expect(await endLapsed(transaction)).toEqual([first]);
          renewing = renewReplica(sql, first, 60);
          await settledOrWaiting(sql, renewing);
        });
        expect(await renewing).toBe(true);
        expect(await held()).toEqual({});
      },
    );

    test("many that look for lapsed replicas at once end each of them once", async () => {
      await using opened = await open();
      const { sql } = opened.database;
      const ids = Array.from({ length: 6 }, () => uuidv7());
      const { windows } = await holdings(sql, Object.fromEntries(ids.map((id) => [id, 10n])));
      for (const id of ids) await lapse(sql, id);
      const ended = await Promise.all(Array.from({ length: 8 }, () => bookLapsed(sql)));
      // One that was skipped, because another was at work on it, is ended by that one.
      expect(ended.flat().toSorted()).toEqual(ids.toSorted());
      expect(await windows()).toEqual([{ spent: 60n }]);
      expect((await verify(sql)).differences).toEqual([]);
    });
  },
);

/** Replicas that each hold so much of one window. */
async function holdings(sql: SqlPool, amounts: Readonly<Record<string, bigint>>) {
  const budgetId = await makeBudget(sql, { cap: 1_000n });
  const take = (replicaId: string, amount: bigint) =>
    carve(sql, [{ budgetId, need: amount, want: amount }], { replicaId, timeZone: "UTC" });
  for (const [id, amount] of Object.entries(amounts)) {
    await renewReplica(sql, id, 60);
    await take(id, amount);
  }
  const held = async () => {
    const rows = await sql<{ replica_id: string; amount: bigint }[]>`
      select replica_id, amount from allowance order by window_id, replica_id`;
    return Object.fromEntries(rows.map(({ replica_id, amount }) => [replica_id, amount]));
  };
  const windows = () => sql`select spent from budget_window order by id`;
  return { held, windows, take };
}

async function lapse(sql: Sql, id: string): Promise<void> {
  await sql`update replica set expires_at = now() - interval '1 second' where id = ${id}`;
}

/** Until the work is done, or waits for a lock that another holds. */
async function settledOrWaiting(sql: Sql, work: Promise<unknown>): Promise<void> {
  let isSettled = false;
  void work.finally(() => (isSettled = true));
  const isWaiting = async () => (await sql`select from pg_locks where not granted`).length > 0;
  await expect.poll(async () => isSettled || (await isWaiting()), { timeout: 20_000 }).toBe(true);
}
