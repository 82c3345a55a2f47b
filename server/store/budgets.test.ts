import { describe, expect, test } from "vitest";
import { newKeyId } from "../secrets.ts";
import { sharedEngines } from "../testing/database.ts";
import type { BudgetTerms } from "./budget-terms.ts";
import { type Budget, currentWindows, findBudgets, putBudgets } from "./budgets.ts";
import { recentChanges } from "./changes.ts";
import type { Sql } from "./database.ts";

const owner = { kind: "custom", id: "a" } as const;

function terms(fields: Partial<BudgetTerms> = {}): BudgetTerms {
  return {
    slot: "max_budget",
    model: null,
    cap: null,
    soft_cap: null,
    temp_increase: 0n,
    temp_expires: null,
    duration: null,
    ...fields,
  };
}

const everything = [
  terms({
    cap: 100_000_000_001n,
    soft_cap: 10n ** 27n,
    temp_increase: 3n,
    temp_expires: new Date("2099-01-02T03:04:05.678Z"),
    duration: "30d",
  }),
  terms({ slot: "limit:1d", cap: 0n, duration: "1d" }),
  terms({ slot: "limit:1h", cap: 1n, duration: "1h" }),
  terms({ slot: `model:it's "é🦆" \\`, model: `it's "é🦆" \\`, cap: 7n, duration: "1mo" }),
];

function idsOf(budgets: readonly Budget[]): number[] {
  return budgets.map(({ id }) => id);
}

async function rowsOf(sql: Sql) {
  return sql<{ id: number; slot: string; is_live: boolean }[]>`
    select id::float8 as id, slot, retired_at is null as is_live from budget order by id`;
}

describe.each(sharedEngines)("$name", ({ open }) => {
  test("budgets are as they were put, in their order, for their owner alone", async () => {
    await using opened = await open();
    const { sql } = opened.database;
    const [other, ofKey] = [{ ...owner, id: "b" }, { kind: "key", id: "a" } as const];

    const put = await putBudgets(sql, owner, everything);
    await putBudgets(sql, other, [terms({ cap: 5n })]);
    await putBudgets(sql, ofKey, []);

    expect(put).toEqual(everything.map((budget) => ({ id: expect.any(Number), ...budget })));
    expect(await findBudgets(sql, owner)).toEqual(put);
    expect(await findBudgets(sql, other)).toMatchObject([{ cap: 5n }]);
    expect(await findBudgets(sql, ofKey)).toEqual([]);
    await putBudgets(sql, other, []);
    expect(await findBudgets(sql, owner)).toEqual(put);
  });

  test("putting what is there already writes nothing", async () => {
    await using opened = await open();
    const { sql } = opened.database;
    const key = { kind: "key", id: newKeyId() } as const;
    const put = await putBudgets(sql, key, everything);
    const before = await sql`select xmin::text, * from budget order by id`;
    const changes = (await recentChanges(sql)).length;

    expect(await putBudgets(sql, key, everything.toReversed())).toEqual(put);

    expect(await sql`select xmin::text, * from budget order by id`).toEqual(before);
    expect((await recentChanges(sql)).length).toBe(changes);
  });

  test("a changed amount changes its budget and leaves the others untouched", async () => {
    await using opened = await open();
    const { sql } = opened.database;
    let expected = await putBudgets(sql, owner, everything);
    const changes: Partial<BudgetTerms>[] = [
      { cap: 100_000_000_002n },
      { cap: null },
      { soft_cap: null },
      { temp_increase: 0n, temp_expires: null },
      { cap: 10n ** 30n, temp_increase: 10n ** 27n, temp_expires: new Date("2098-01-01") },
    ];

    for (const change of changes) {
      const versions =
        await sql`select xmin::text from budget where slot <> 'max_budget' order by id`;
      expected = expected.map((budget, index) => (index === 0 ? { ...budget, ...change } : budget));
      expect(await putBudgets(sql, owner, expected)).toEqual(expected);
      expect(await findBudgets(sql, owner)).toEqual(expected);
      expect(
        await sql`select xmin::text from budget where slot <> 'max_budget' order by id`,
      ).toEqual(versions);
    }
    expect(await rowsOf(sql)).toHaveLength(everything.length);
  });

  test("another period is another budget, and what is no longer wanted ends without being forgotten", async () => {
    await using opened = await open();
    const { sql } = opened.database;
    const [main = terms(), daily = terms(), ...rest] = everything;
    const [first = 0, second = 0] = idsOf(await putBudgets(sql, owner, everything));

    for (const duration of ["1mo", null, "31d"]) {
      const [before = 0] = idsOf(await findBudgets(sql, owner)).filter((id) => id !== second);
      const after = await putBudgets(sql, owner, [{ ...main, duration }, daily]);
      expect(after.map(({ slot }) => slot)).toEqual(["limit:1d", "max_budget"]);
      expect(idsOf(after)[0]).toBe(second);
      expect(idsOf(after)).not.toContain(before);
    }
    // What comes back comes as a new one.
    const again = await putBudgets(sql, owner, [main, ...rest]);

    expect(idsOf(again)).not.toContain(first);
    expect(await findBudgets(sql, owner)).toEqual(again);
    const rows = await rowsOf(sql);
    expect(rows.filter(({ is_live }) => is_live).map(({ id }) => id)).toEqual(idsOf(again));
    expect(rows).toHaveLength(everything.length + 3 + again.length);
  });

  test("of several at once with the same terms all are given the same budgets", async () => {
    await using opened = await open();
    const { sql } = opened.database;

    const puts = await Promise.all(
      Array.from({ length: 8 }, () => putBudgets(sql, owner, everything)),
    );

    for (const put of puts) expect(put).toEqual(puts[0]);
    expect(await rowsOf(sql)).toHaveLength(everything.length);
  });

  test("of several at once that want different periods each is served, and one budget is left", async () => {
    await using opened = await open();
    const { sql } = opened.database;
    const durations = ["1h", "2h", "3h", "1h", "2h", "3h"];

    const puts = await Promise.all(
      durations.map((duration) => putBudgets(sql, owner, [terms({ cap: 1n, duration })])),
    );

    expect(puts.map(([budget]) => budget?.duration)).toEqual(durations);
    expect((await rowsOf(sql)).filter(({ is_live }) => is_live)).toHaveLength(1);
  });

  test("of several at once that want different amounts each is told its own, and one is left", async () => {
    await using opened = await open();
    const { sql } = opened.database;
    const [before] = await putBudgets(sql, owner, [terms({ cap: 1n })]);
    const caps = [1n, 2n, 3n, 1n, 2n, 3n, 1n, 2n, 3n];

    const puts = await Promise.all(caps.map((cap) => putBudgets(sql, owner, [terms({ cap })])));

    expect(puts).toEqual(caps.map((cap) => [{ ...before, cap }]));
    expect(await rowsOf(sql)).toHaveLength(1);
  });

  test("only a day, a week and a month so spelt go by the calendar", async () => {
    await using opened = await open();
    const { sql } = opened.database;
    const periods = {
      "1d": { alignment: "day" },
      "1w": { alignment: "week" },
      "1mo": { alignment: "month" },
      "01d": { period_seconds: 86_400n },
      "24h": { period_seconds: 86_400n },
      "7d": { period_seconds: 604_800n },
      "30min": { period_seconds: 1_800n },
      "1s": { period_seconds: 1n },
      "365250d": { period_seconds: 31_557_600_000n },
      "2mo": { period_months: 2 },
      "12000mo": { period_months: 12_000 },
    };
    await putBudgets(
      sql,
      owner,
      Object.keys(periods).map((duration) => terms({ slot: `limit:${duration}`, duration })),
    );

    const rows = await sql`
      select duration, alignment, period_seconds, period_months from budget order by id`;
    expect(rows).toEqual(
      Object.entries(periods).map(([duration, period]) => ({
        duration,
        alignment: null,
        period_seconds: null,
        period_months: null,
        ...period,
      })),
    );
  });

  test("a budget that nobody has used shows the window that it would be used in", async () => {
    await using opened = await open();
    const { sql } = opened.database;
    const put = await putBudgets(sql, owner, [
      ...everything,
      terms({ slot: "model:a", model: "a" }),
    ]);
    await putBudgets(sql, { ...owner, id: "b" }, [terms({ cap: 1n })]);
    await putBudgets(sql, { kind: "key", id: "a" }, [terms({ cap: 1n })]);

    const windows = await currentWindows(sql, "custom", ["a"], "Europe/Berlin");

    const made = await sql`
      select w.starts_at, nullif(w.ends_at, 'infinity') as ends_at
        from budget b cross join lateral current_window(b, 'Europe/Berlin') w
       where owner_kind = 'custom' and owner_id = 'a' order by b.id`;
    expect(windows).toEqual(
      put.map(({ id, slot, model, cap, soft_cap, duration }, index) => ({
        owner_id: "a",
        budget_id: id,
        slot,
        model,
        cap: slot === "max_budget" ? 100_000_000_004n : cap,
        soft_cap,
        duration,
        spent: 0n,
        held: 0n,
        ...made[index],
      })),
    );
    expect(await currentWindows(sql, "custom", ["a"], "Europe/Berlin")).toEqual(windows);
    expect(await currentWindows(sql, "custom", ["a", "b", "c"], "UTC")).toHaveLength(6);
    expect(await currentWindows(sql, "custom", [], "UTC")).toEqual([]);
  });

  test("a window shows what was spent of it and what is held, and not those of other windows", async () => {
    await using opened = await open();
    const { sql } = opened.database;
    const [{ id } = { id: 0 }] = await putBudgets(sql, owner, [terms({ cap: 9n, duration: "1h" })]);
    await sql`insert into replica (id, expires_at) select gen_random_uuid(), 'infinity' from generate_series(1, 2)`;
    await sql`select current_window(b, 'UTC') from budget b`;
    await sql`
      insert into budget_window (budget_id, starts_at, ends_at, spent)
      select budget_id, starts_at - interval '1 hour', starts_at, 1000 from budget_window`;
    await sql`update budget_window set spent = ${sql.typed.numeric(10n ** 29n + 1n)} where spent = 0`;
    await sql`
      insert into allowance (window_id, replica_id, amount, version)
      select w.id, r.id, 3, 1 from budget_window w cross join replica r`;

    const windows = await currentWindows(sql, "custom", ["a"], "UTC");

    expect(windows).toMatchObject([{ budget_id: id, cap: 9n, spent: 10n ** 29n + 1n, held: 6n }]);
  });

  test("a budget without an end begins with what its owner had spent, unless it is a model's", async () => {
    await using opened = await open();
    const { sql } = opened.database;
    await sql`insert into key_spend (key_id, spend) values ('a', 5), ('b', 7)`;
    await putBudgets(sql, owner, [
      terms({ cap: 9n }),
      terms({ slot: "limit:1d", cap: 9n, duration: "1d" }),
      terms({ slot: "model:a", model: "a", cap: 9n }),
    ]);
    const spent = async () =>
      (await currentWindows(sql, "custom", ["a"], "UTC")).map((window) => window.spent);

    expect(await spent()).toEqual([5n, 0n, 0n]);
    await sql`select current_window(b, 'UTC') from budget b`;
    await sql`update key_spend set spend = 6`;
    expect(await spent()).toEqual([5n, 0n, 0n]);
  });

  test("a temporary increase counts until it ends", async () => {
    await using opened = await open();
    const { sql } = opened.database;
    const [past, future] = [new Date("2020-01-01"), new Date("2099-01-01")];
    const capWith = async (fields: Partial<BudgetTerms>) => {
      await putBudgets(sql, owner, [terms(fields)]);
      return (await currentWindows(sql, "custom", ["a"], "UTC"))[0]?.cap;
    };

    expect(await capWith({ cap: 10n, temp_increase: 3n, temp_expires: future })).toBe(13n);
    expect(await capWith({ cap: 10n, temp_increase: 3n, temp_expires: past })).toBe(10n);
    expect(await capWith({ cap: 10n })).toBe(10n);
    expect(await capWith({ soft_cap: 10n })).toBeNull();
  });
});
