import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import type { SqlPool } from "../store/database.ts";
import { putBudgets } from "../store/budgets.ts";
import { releaseLapsed, renewReplica } from "../store/replicas.ts";
import { verify } from "../store/verify.ts";
import { sharedEngines } from "../testing/database.ts";
import { openLine } from "../testing/line.ts";
import {
  accountOf,
  budgetTerms,
  makeBudget,
  openOffice,
  setCap,
  untilNextWindow,
} from "../testing/office.ts";
import { Hold } from "./purse.ts";

const patiently = { timeout: 20_000, interval: 20 };

/** Changes with every answer of the database that moves money. */
async function versionIn(sql: SqlPool): Promise<bigint> {
  const [row] = await sql<
    [{ version: bigint }]
  >`select last_value as version from allowance_version`;
  return row.version;
}

/** Nothing is under way: what was held goes back by itself. */
async function expectNothingHeld(sql: SqlPool): Promise<void> {
  await expect.poll(async () => (await verify(sql)).held, patiently).toBe(0n);
  expect((await verify(sql)).differences).toEqual([]);
}

/** Suites on statements run on every engine; here the embedded one and a server say enough. */
const engines = sharedEngines.slice(0, 2);

describe.each(engines)("$name", ({ open }) => {
  test("what is held goes from memory while it lasts, and moves to spent with the row", async () => {
    await using opened = await open();
    const { sql } = opened.database;
    await using office = await openOffice(opened.database);
    const budget = await makeBudget(sql, { cap: 1_000n });
    expect(office.allowances.hold({ budgets: [budget], need: 10n, least: 1n })).toBeUndefined();
    const first = await office.hold({ budgets: [budget], need: 400n });
    await office.settle(first, 100n);
    const asked = await versionIn(sql);

    const second = await office.hold({ budgets: [budget], need: 250n });

    expect(await versionIn(sql)).toBe(asked);
    expect([first.amount, second.amount]).toEqual([400n, 250n]);
    expect(await accountOf(sql, budget)).toEqual({ spent: 0n, held: 400n });
    expect(office.allowances.holdings).toEqual({ windows: 1, amount: 400n });
    await office.ledger.flush();
    expect(await accountOf(sql, budget)).toEqual({ spent: 100n, held: 300n });
    expect(office.allowances.holdings.amount).toBe(300n);
    second.settle(0n);
    second.settle(500n);
    await expectNothingHeld(sql);
    expect(await accountOf(sql, budget)).toEqual({ spent: 100n, held: 0n });
  });

  test("the last call has what is left, if that is at least what it can do with", async () => {
    await using opened = await open();
    const { sql } = opened.database;
    await using office = await openOffice(opened.database);
    const budget = await makeBudget(sql, { cap: 100n });
    await office.settle(await office.hold({ budgets: [budget], need: 70n }), 70n);
    await office.ledger.flush();
    expect(await office.take({ budgets: [budget], need: 50n, least: 31n })).toEqual({
      kind: "exceeded",
      budgetId: budget,
      spent: 70n,
      cap: 100n,
    });

    const last = await office.hold({ budgets: [budget], need: 50n });

    expect(last.amount).toBe(30n);
    expect(await office.take({ budgets: [budget] })).toMatchObject({ kind: "reserved" });
    await office.settle(last, 90n);
    await office.ledger.flush();
    expect(await office.take({ budgets: [budget] })).toMatchObject({
      kind: "exceeded",
      spent: 160n,
    });
    await expectNothingHeld(sql);
  });

  test("of several budgets all are held or none", async () => {
    await using opened = await open();
    const { sql } = opened.database;
    await using office = await openOffice(opened.database);
    const [wide, narrow, free] = [
      await makeBudget(sql, { cap: 1_000n }),
      await makeBudget(sql, { cap: 50n }),
      await makeBudget(sql),
    ];
    const all = await office.hold({ budgets: [wide, free, narrow], need: 40n });
    expect(all.windows).toHaveLength(3);
    expect(await office.take({ budgets: [wide, narrow], need: 40n, least: 40n })).toMatchObject({
      kind: "reserved",
      budgetId: narrow,
    });
    const less = await office.hold({ budgets: [wide, narrow], need: 40n });
    expect(less.amount).toBe(10n);
    // What the refused call would have held of the wide one is there for others.
    const rest = await office.hold({ budgets: [wide], need: 950n, least: 950n });
    await office.settle(all, 40n);
    await office.settle(less, 10n);
    await office.settle(rest, 950n);
    await office.ledger.flush();
    expect(await accountOf(sql, wide)).toMatchObject({ spent: 1_000n });
    expect(await accountOf(sql, narrow)).toMatchObject({ spent: 50n });
    expect(await accountOf(sql, free)).toMatchObject({ spent: 40n });
    await expectNothingHeld(sql);
  });

  test("a budget that has ended is told, so that who asks can look again, and nothing is held of the others", async () => {
    await using opened = await open();
    const { sql } = opened.database;
    await using office = await openOffice(opened.database);
    const owner = { kind: "custom", id: "a" } as const;
    const [{ id: ended } = { id: 0 }] = await putBudgets(sql, owner, [budgetTerms({ cap: 0n })]);
    await putBudgets(sql, owner, []);
    const budget = await makeBudget(sql, { cap: 100n });
    const gone = { kind: "gone", budgetId: ended };
    expect(await office.take({ budgets: [budget, ended], need: 60n })).toMatchObject(gone);
    expect(await office.take({ budgets: [ended], need: 60n })).toMatchObject(gone);
    expect((await office.hold({ budgets: [budget], need: 100n, least: 100n })).amount).toBe(100n);
  });

  test("a budget that is spent already, and one of nothing, are refused at once and without a hold", async () => {
    await using opened = await open();
    const { sql } = opened.database;
    await using office = await openOffice(opened.database);
    const budget = await makeBudget(sql, { cap: 0n });
    const refusal = { kind: "exceeded", budgetId: budget, spent: 0n, cap: 0n };
    expect(await office.take({ budgets: [budget], need: 5n })).toEqual(refusal);
    const answers = await Promise.all(
      Array.from({ length: 50 }, () => office.take({ budgets: [budget], need: 5n })),
    );
    expect(answers).toEqual(answers.map(() => refusal));
    expect(await accountOf(sql, budget)).toEqual({ spent: 0n, held: 0n });
  });

  test("two hundred budgets at once, two a call, are asked for together", async () => {
    await using opened = await open();
    const { sql } = opened.database;
    await using office = await openOffice(opened.database);
    const made = await sql<{ id: number }[]>`
      insert into budget (owner_kind, owner_id, slot, cap) select 'custom', n, 'max_budget', 100 from generate_series(1, 200) n
      returning id::float8 as id`;
    const budgets = made.map(({ id }) => id);
    const pairs = budgets.map((id, index) => [id, budgets[(index + 1) % budgets.length] ?? id]);
    const holds = await Promise.all(
      pairs.map((pair) => office.hold({ budgets: pair, need: 50n, least: 50n })),
    );
    for (const hold of holds) await office.settle(hold, 50n);
    await office.ledger.flush();
    const spent = await sql`select distinct spent from budget_window`;
    expect(spent).toEqual([{ spent: 100n }]);
    await expectNothingHeld(sql);
  });

  test("a call that cost far more than it held does not make the next one ask again and again", async () => {
    await using opened = await open();
    const { sql } = opened.database;
    await using office = await openOffice(opened.database);
    const budget = await makeBudget(sql, { cap: 10n ** 9n });
    await office.settle(await office.hold({ budgets: [budget], need: 10n }), 10_000n);
    const before = await versionIn(sql);
    const hold = await office.hold({ budgets: [budget], need: 10n });
    expect(hold.amount).toBe(10n);
    expect((await versionIn(sql)) - before).toBeLessThanOrEqual(3n);
  });
});

const [onServer] = sharedEngines.filter(({ name }) => name !== "embedded");

describe.each(onServer ? [onServer] : [])("$name", ({ open }) => {
  test("nobody waits for a budget's next period, though it was spent a moment ago", async () => {
    await using opened = await open();
    const { sql } = opened.database;
    await using office = await openOffice(opened.database);
    const budget = await makeBudget(sql, { cap: 10n, duration: "1s" });
    let [before, after]: (Hold | { kind: string })[] = [];
    // A machine that is busy may be late for the end of a period.
    while (!before || before instanceof Hold) {
      const outcome = await office.take({ budgets: [budget], need: 10n });
      if (outcome instanceof Hold) await office.settle(outcome, 10n);
      await office.ledger.flush();
      await untilNextWindow(sql, budget, -150);
      await office.allowances.reconsider([budget]);
      before = await office.take({ budgets: [budget], need: 10n });
      await untilNextWindow(sql, budget);
      after = await office.take({ budgets: [budget], need: 10n });
    }
    expect(before).toMatchObject({ kind: "exceeded" });
    expect(after).toBeInstanceOf(Hold);
  });

  test("a raised cap is for the next call, a lowered one too, whatever is still held", async () => {
    await using opened = await open();
    const { sql } = opened.database;
    await using office = await openOffice(opened.database);
    const budget = await makeBudget(sql, { cap: 10n });
    await office.settle(await office.hold({ budgets: [budget], need: 10n }), 10n);
    await office.ledger.flush();
    expect(await office.take({ budgets: [budget] })).toMatchObject({ kind: "exceeded" });

    await setCap(sql, budget, 1_000n);
    await office.allowances.reconsider([budget]);
    const held = await office.hold({ budgets: [budget], need: 100n });
    await office.hold({ budgets: [budget], need: 300n }).then((hold) => hold.settle(0n));
    await setCap(sql, budget, 120n);
    await office.allowances.reconsider([budget]);

    expect(await accountOf(sql, budget)).toEqual({ spent: 10n, held: 100n });
    const rest = await office.hold({ budgets: [budget], need: 50n });
    expect(rest.amount).toBe(10n);
    expect(await office.take({ budgets: [budget] })).toMatchObject({ kind: "reserved" });
    for (const hold of [held, rest]) hold.settle(0n);
    await expectNothingHeld(sql);
  });

  test("an answer that was on its way when the cap was raised refuses nobody after that", async () => {
    await using opened = await open();
    const { sql } = opened.database;
    await using office = await openOffice(opened.database);
    await using other = await openOffice(opened.database);
    const budget = await makeBudget(sql, { cap: 10n });
    await other.settle(await other.hold({ budgets: [budget], need: 10n }), 10n);
    await other.ledger.flush();
    const blocking = await sql.reserve();
    await blocking`begin`;
    await blocking`select from budget_window for update`;
    const waiting = () => sql`select from pg_locks where not granted`;
    const asking = office.take({ budgets: [budget] });
    await expect.poll(async () => (await waiting()).length, patiently).toBeGreaterThan(0);
    await setCap(sql, budget, 1_000n);
    const reconsidered = office.allowances.reconsider([budget]);
    await blocking`commit`;
    blocking.release();
    expect(await asking).toMatchObject({ kind: "exceeded", cap: 10n });
    await reconsidered;

    expect(await office.take({ budgets: [budget] })).toBeInstanceOf(Hold);
  });

  test("what lies idle elsewhere is asked for, and a caller has it while it waits", async () => {
    await using opened = await open();
    const { sql } = opened.database;
    await using first = await openOffice(opened.database);
    await using second = await openOffice(opened.database);
    const budget = await makeBudget(sql, { cap: 100n });
    (await first.hold({ budgets: [budget], need: 100n })).settle(0n);
    expect(await accountOf(sql, budget)).toEqual({ spent: 0n, held: 100n });
    const hold = await second.hold({ budgets: [budget], need: 80n, least: 80n });
    expect(hold.amount).toBe(80n);
    expect(await first.take({ budgets: [budget], need: 80n, least: 80n })).toMatchObject({
      kind: "reserved",
    });
  });

  test("what calls under way do not need goes back within a second of quiet, and the rest when they end", async () => {
    await using opened = await open();
    const { sql } = opened.database;
    await using office = await openOffice(opened.database);
    const budget = await makeBudget(sql, { cap: 1_000n });
    const long = await office.hold({ budgets: [budget], need: 100n });
    (await office.hold({ budgets: [budget], need: 300n })).settle(0n);
    await expect.poll(() => accountOf(sql, budget), patiently).toEqual({ spent: 0n, held: 100n });
    await sleep(300);
    expect(await accountOf(sql, budget)).toEqual({ spent: 0n, held: 100n });
    // What it cost is needed until its row is written.
    await office.settle(long, 60n);
    await expect.poll(() => accountOf(sql, budget), patiently).toEqual({ spent: 0n, held: 60n });
    await office.ledger.flush();
    expect(await accountOf(sql, budget)).toEqual({ spent: 60n, held: 0n });
    await expectNothingHeld(sql);
    await expect
      .poll(() => office.allowances.holdings, patiently)
      .toEqual({ windows: 0, amount: 0n });
  });

  test("a call belongs to the period that admitted it, and the next one is asked for anew", async () => {
    await using opened = await open();
    const { sql } = opened.database;
    await using office = await openOffice(opened.database);
    const budget = await makeBudget(sql, { cap: 100n, duration: "1s" });
    const before = await office.hold({ budgets: [budget], need: 70n });
    // Some of the old period's money is still here when the new one begins.
    await untilNextWindow(sql, budget, -200);
    (await office.hold({ budgets: [budget], need: 30n })).settle(0n);
    await untilNextWindow(sql, budget);
    const after = await office.hold({ budgets: [budget], need: 30n });
    expect(after.windows).not.toEqual(before.windows);
    await office.settle(after, 30n);
    await office.settle(before, 70n);
    await office.ledger.flush();
    const spent = await sql`select spent from budget_window order by starts_at`;
    expect(spent).toEqual([{ spent: 70n }, { spent: 30n }]);
    await expectNothingHeld(sql);
  });

  test("a replica whose allowances have lapsed believes in none of them", async () => {
    await using opened = await open();
    const { sql } = opened.database;
    await using office = await openOffice(opened.database);
    await using other = await openOffice(opened.database);
    const budget = await makeBudget(sql, { cap: 100n });
    const held = await office.hold({ budgets: [budget], need: 60n });
    (await office.hold({ budgets: [budget], need: 40n })).settle(0n);
    await sql`update replica set expires_at = now() - interval '1 second' where id = ${office.id}`;
    expect(await releaseLapsed(sql)).toEqual([office.id]);
    expect(await renewReplica(sql, office.id, 600)).toBe(true);
    office.allowances.forfeitAll();

    await other.hold({ budgets: [budget], need: 90n, least: 90n });

    expect(await office.take({ budgets: [budget], need: 40n, least: 40n })).toMatchObject({
      kind: "reserved",
    });
    await office.settle(held, 60n);
    await office.ledger.flush();
    // Money that was given to others meanwhile: that is the slack.
    expect(await accountOf(sql, budget)).toMatchObject({ spent: 60n });
  });
});

describe.each(onServer ? [onServer] : [])("$name behind a line that breaks", ({ open }) => {
  test("while the database is away nobody is admitted, however many ask at once", async () => {
    await using opened = await open();
    const { sql } = opened.database;
    await using line = await openLine(opened.url, 1);
    await using office = await openOffice(line.database);
    const budgets = [await makeBudget(sql, { cap: 100n }), await makeBudget(sql, { cap: 100n })];
    await line.cut();
    const taking = [];
    for (let caller = 0; caller < 20; caller += 1) {
      taking.push(office.take({ budgets, need: 5n }));
      // As callers come whose connections have something to say in the same turn of the event loop.
      for (let tick = 0; tick < caller; tick += 1) await Promise.resolve();
    }
    const outcomes = await Promise.all(taking);
    expect(outcomes).toEqual(outcomes.map(() => expect.objectContaining({ kind: "unavailable" })));
    await line.proxy.restore();
    await expect
      .poll(() => office.take({ budgets, need: 5n }), patiently)
      .toMatchObject({ windows: [expect.any(Number), expect.any(Number)] });
  });

  test("what was given back with an answer that never came is not given out again", async () => {
    await using opened = await open();
    const { sql } = opened.database;
    await using line = await openLine(opened.url, 1);
    await using office = await openOffice(line.database);
    await using other = await openOffice(opened.database);
    const budget = await makeBudget(sql, { cap: 100n });
    const held = await office.hold({ budgets: [budget], need: 30n });
    (await office.hold({ budgets: [budget], need: 70n })).settle(0n);
    // A statement is sent in one piece only once it has been prepared.
    await office.allowances.reconsider([budget]);
    (await office.hold({ budgets: [budget], need: 70n })).settle(0n);
    line.proxy.deafen();
    const returned = office.allowances.reconsider([budget]);
    await expect.poll(() => accountOf(sql, budget), patiently).toEqual({ spent: 0n, held: 30n });
    const hold = await other.hold({ budgets: [budget], need: 70n, least: 70n });
    await line.cut();
    await returned;

    expect(office.allowances.hold({ budgets: [budget], need: 10n, least: 1n })).toBeUndefined();
    await line.proxy.restore();
    await expect
      .poll(() => office.take({ budgets: [budget], need: 10n }), patiently)
      .toMatchObject({ kind: "reserved" });
    hold.settle(0n);
    held.settle(0n);
    expect((await office.hold({ budgets: [budget], need: 90n, least: 90n })).amount).toBe(90n);
  });

  test("what the database gave out with an answer that never came goes back", async () => {
    await using opened = await open();
    const { sql } = opened.database;
    await using line = await openLine(opened.url, 1);
    await using office = await openOffice(line.database);
    const [asked, known] = [
      await makeBudget(sql, { cap: 100n }),
      await makeBudget(sql, { cap: 9n }),
    ];
    (await office.hold({ budgets: [known], need: 1n })).settle(0n);
    line.proxy.deafen();
    const unanswered = office.take({ budgets: [asked, known], need: 9n });
    await expect.poll(async () => (await accountOf(sql, asked)).held, patiently).not.toBe(0n);
    await line.cut();
    expect(await unanswered).toMatchObject({ kind: "unavailable" });
    await line.proxy.restore();
    await expectNothingHeld(sql);
  });

  test("a lowered cap holds, though the database could not be told in time what goes back", async () => {
    await using opened = await open();
    const { sql } = opened.database;
    await using line = await openLine(opened.url, 1);
    await using office = await openOffice(line.database);
    const budget = await makeBudget(sql, { cap: 100n });
    (await office.hold({ budgets: [budget], need: 100n })).settle(0n);
    await line.cut();
    await setCap(sql, budget, 20n);
    await office.allowances.reconsider([budget]);
    expect(office.allowances.hold({ budgets: [budget], need: 50n, least: 1n })).toBeUndefined();
    await line.proxy.restore();
    await expect
      .poll(() => office.take({ budgets: [budget], need: 50n }), patiently)
      .toMatchObject({ amount: 20n });
  });
});
