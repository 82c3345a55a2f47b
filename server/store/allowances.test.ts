import { describe, expect, test } from "vitest";
import { uuidv7 } from "../uuid.ts";
import { sharedEngines } from "../testing/database.ts";
import { accountOf, makeBudget, setCap } from "../testing/office.ts";
import { watch } from "../testing/watch.ts";
import { carve, type CarveRequest, findAllowances, giveBack, recallChannel } from "./allowances.ts";
import type { Sql } from "./database.ts";
import { renewReplica } from "./replicas.ts";

const far = new Date("2099-01-01");

/** A replica and what it asks for. */
async function newReplica(sql: Sql) {
  const replicaId = uuidv7();
  await renewReplica(sql, replicaId, 600);
  const ask = (...requests: CarveRequest[]) => carve(sql, requests, { replicaId, timeZone: "UTC" });
  return { replicaId, ask };
}

const need = (budgetId: number, amount: bigint, want = amount): CarveRequest => ({
  budgetId,
  need: amount,
  want,
});

describe.each(sharedEngines)("$name: carving", ({ open }) => {
  test("grants what is needed, adds it to what is held, and tells how things stand", async () => {
    await using opened = await open();
    const { sql } = opened.database;
    const [replica, other] = [await newReplica(sql), await newReplica(sql)];
    const budget = await makeBudget(sql, { cap: 100n });
    const stood = { budget_id: budget, ends_in_ms: null, spent: 0n, cap: 100n };
    const [first] = await replica.ask(need(budget, 60n));
    expect(first).toMatchObject({ ...stood, granted: 60n, amount: 60n, held: 60n });
    expect(await other.ask(need(budget, 30n))).toMatchObject([
      { ...stood, granted: 30n, amount: 30n, held: 90n },
    ]);
    // What is left of the need, and then nothing.
    const [second] = await replica.ask(need(budget, 20n));
    expect(second).toMatchObject({ ...stood, granted: 10n, amount: 70n, held: 100n });
    expect(second?.version).toBeGreaterThan(first?.version ?? 0n);
    expect(await replica.ask(need(budget, 20n))).toEqual([{ ...second, granted: 0n }]);
    expect(await other.ask(need(budget, 1n))).toMatchObject([{ granted: 0n, amount: 30n }]);
  });

  test("grants what is wanted beyond that only as far as it leaves as much to each of the others", async () => {
    await using opened = await open();
    const { sql } = opened.database;
    const granted = async (budget: number, ask: Awaited<ReturnType<typeof newReplica>>["ask"]) =>
      (await ask(need(budget, 10n, 10_000n)))[0]?.granted;
    const { ask } = await newReplica(sql);
    expect(await granted(await makeBudget(sql, { cap: 1_000n }), ask)).toBe(500n);
    await newReplica(sql);
    expect(await granted(await makeBudget(sql, { cap: 1_000n }), ask)).toBe(250n);
    expect(await granted(await makeBudget(sql, { cap: 30n }), ask)).toBe(10n);
    expect(await granted(await makeBudget(sql), ask)).toBe(10_000n);
    // No more than is wanted.
    const budget = await makeBudget(sql, { cap: 1_000n });
    expect(await ask(need(budget, 10n, 40n))).toMatchObject([{ granted: 40n }]);
  });

  test("heeds what is spent, a raised cap, a lowered one, and an increase for a time", async () => {
    await using opened = await open();
    const { sql } = opened.database;
    const { ask } = await newReplica(sql);
    const budget = await makeBudget(sql, { cap: 50n, temp_increase: 20n, temp_expires: far });
    expect(await ask(need(budget, 10n))).toMatchObject([{ granted: 10n, cap: 70n }]);
    await sql`update budget_window set spent = 55`;
    expect(await ask(need(budget, 10n))).toMatchObject([{ granted: 5n, spent: 55n, held: 15n }]);
    await sql`update budget set temp_expires = now() - interval '1 second'`;
    expect(await ask(need(budget, 10n))).toMatchObject([{ granted: 0n, cap: 50n }]);
    await setCap(sql, budget, 1_000n);
    expect(await ask(need(budget, 10n))).toMatchObject([{ granted: 10n, cap: 1_000n }]);
  });

  test("answers for the budgets that there are, in their order", async () => {
    await using opened = await open();
    const { sql } = opened.database;
    const { ask } = await newReplica(sql);
    const [first, gone, last] = [
      await makeBudget(sql, { cap: 5n }),
      await makeBudget(sql, { cap: 5n }),
      await makeBudget(sql, { cap: 5n, duration: "1h" }),
    ];
    await sql`update budget set retired_at = now() where id = ${gone}`;
    const answers = await ask(
      need(last, 1n),
      need(987_654_321, 1n),
      need(gone, 1n),
      need(first, 1n),
    );
    expect(answers.map(({ budget_id }) => budget_id)).toEqual([first, last]);
    const [, { ends_in_ms } = { ends_in_ms: null }] = answers;
    expect(ends_in_ms).toBeGreaterThan(3_000_000);
    expect(ends_in_ms).toBeLessThanOrEqual(3_600_000);
  });

  test("asks the others for what they hold when it is refused, and not when they hold nothing", async () => {
    await using opened = await open();
    const { sql, listen } = { ...opened.database };
    const [replica, other] = [await newReplica(sql), await newReplica(sql)];
    const recalled = watch<string>();
    const unlisten = await listen(recallChannel, recalled.add);
    const [spent, held] = [await makeBudget(sql, { cap: 0n }), await makeBudget(sql, { cap: 9n })];
    await other.ask(need(held, 9n));
    await replica.ask(need(spent, 1n));
    const [{ window_id } = { window_id: 0 }] = await replica.ask(need(held, 1n));
    expect(await recalled.until(1)).toEqual([String(window_id)]);
    await unlisten();
  });
});

describe.each(sharedEngines)("$name: giving back", ({ open }) => {
  test("keeps what is needed, ends what is not, and tells how things stand", async () => {
    await using opened = await open();
    const { sql } = opened.database;
    const [replica, other] = [await newReplica(sql), await newReplica(sql)];
    const budgets = [await makeBudget(sql), await makeBudget(sql), await makeBudget(sql)];
    const requests = budgets.map((id) => need(id, 50n));
    const carved = await replica.ask(...requests);
    await other.ask(...requests);
    const keeps = carved.map(({ window_id, version }, index) => ({
      windowId: window_id,
      amount: [0n, 20n, 70n][index] ?? 0n,
      version: version ?? 0n,
    }));

    const kept = await giveBack(sql, keeps, replica.replicaId);

    const [gone, lowered, whole] = kept.toSorted((left, right) => left.window_id - right.window_id);
    expect(gone).toMatchObject({ amount: null, version: null });
    expect(lowered?.amount).toBe(20n);
    expect(lowered?.version).toBeGreaterThan(keeps[1]?.version ?? 0n);
    expect(whole).toMatchObject({ amount: 50n, version: keeps[2]?.version });
    const held = await Promise.all(budgets.map((id) => accountOf(sql, id)));
    expect(held.map((account) => account.held)).toEqual([50n, 70n, 100n]);
    expect(await findAllowances(sql, other.replicaId)).toHaveLength(3);
  });

  test("leaves an allowance alone that was carved since, however late it comes, and tells what it is now", async () => {
    await using opened = await open();
    const { sql } = opened.database;
    const { replicaId, ask } = await newReplica(sql);
    const budget = await makeBudget(sql, { cap: 100n });
    const [before] = await ask(need(budget, 10n));
    const keep = { windowId: before?.window_id ?? 0, amount: 0n, version: before?.version ?? 0n };
    const [after] = await ask(need(budget, 30n));
    const now = { window_id: keep.windowId, amount: 40n, version: after?.version };
    expect(await giveBack(sql, [keep], replicaId)).toEqual([now]);
    expect(await findAllowances(sql, replicaId)).toEqual([now]);
    // Nor does it find one that has gone back already.
    await giveBack(sql, [{ ...keep, version: after?.version ?? 0n }], replicaId);
    const none = { window_id: keep.windowId, amount: null, version: null };
    expect(await giveBack(sql, [keep], replicaId)).toEqual([none]);
    expect(await findAllowances(sql, replicaId)).toEqual([]);
  });
});
