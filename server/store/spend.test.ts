import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { firstUuidAt, uuidv7 } from "../uuid.ts";
import { sharedEngines } from "../testing/database.ts";
import { ensureMonth, insertRows, spendRow } from "../testing/spend-row.ts";
import { expectedSums, oneCall, sumsOf } from "../testing/spend-sums.ts";
import { carve, findAllowances, giveBack } from "./allowances.ts";
import type { BudgetTerms } from "./budget-terms.ts";
import { putBudgets } from "./budgets.ts";
import type { Sql, SqlPool } from "./database.ts";
import { renewReplica } from "./replicas.ts";
import { listSpend, type SpendFilter, type SpendRow } from "./spend.ts";
import { verify } from "./verify.ts";

const march = new Date("2026-03-04T05:06:07.089Z");

describe.each(sharedEngines)("$name", ({ open }) => {
  test("an attempt is added to the row, the key's spend and the day's sums of each owner", async () => {
    await using opened = await open();
    const { sql } = opened.database;
    await ensureMonth(sql, march);
    await insertRows(sql, [
      spendRow({
        key_id: "key_a",
        user_id: "ann",
        tags: ["blue", "red"],
        model_group: "gpt",
        cost: "7",
      }),
    ]);
    expect(await sumsOf(sql)).toEqual({
      rows: 1n,
      keys: { key_a: 7n },
      days: {
        "2026-03-04 key key_a": { ...oneCall, spend: 7n },
        "2026-03-04 model gpt": { ...oneCall, spend: 7n },
        "2026-03-04 tag blue": { ...oneCall, spend: 7n },
        "2026-03-04 tag red": { ...oneCall, spend: 7n },
        "2026-03-04 user ann": { ...oneCall, spend: 7n },
      },
    });
  });

  test("a row counts once, whether its batch is sent twice, overlaps with another, or holds it twice", async () => {
    await using opened = await open();
    const { sql } = opened.database;
    await ensureMonth(sql, march);
    const rows = ["1", "10", "100"].map((cost) => spendRow({ cost, tags: ["t"] }));
    await insertRows(sql, rows);
    const once = await sumsOf(sql);
    await insertRows(sql, rows);
    expect(await sumsOf(sql)).toEqual(once);
    await insertRows(sql, [...rows.slice(1), spendRow({ cost: "1000", tags: ["t"] })]);
    const { rows: count, keys, days } = await sumsOf(sql);
    expect([count, keys["key_1"]]).toEqual([4n, 1_111n]);
    expect(days["2026-03-04 tag t"]).toMatchObject({ spend: 1_111n, calls: 4n });
    const twice = spendRow({ cost: "5", key_id: "key_2" });
    await insertRows(sql, [twice, spendRow({ cost: "6", key_id: "key_2" }), twice]);
    expect(await sumsOf(sql)).toMatchObject({ rows: 6n, keys: { key_2: 11n } });
  });

  test("a tag that a key bears twice is counted once", async () => {
    await using opened = await open();
    const { sql } = opened.database;
    await ensureMonth(sql, march);
    await insertRows(sql, [spendRow({ cost: "5", tags: ["a", "b", "a"] })]);
    const { days } = await sumsOf(sql);
    expect(days["2026-03-04 tag a"]).toEqual({ ...oneCall, spend: 5n });
    expect((await listSpend(sql, everything))[0]?.tags).toEqual(["a", "b", "a"]);
  });

  test("an unknown cost is counted as such and adds nothing; a failed call is counted as failed", async () => {
    await using opened = await open();
    const { sql } = opened.database;
    await ensureMonth(sql, march);
    await insertRows(sql, [spendRow({ cost: null, ...noTokens, key_id: "key_new" })]);
    expect((await sumsOf(sql)).keys).toEqual({ key_new: 0n });
    expect(await listSpend(sql, everything)).toMatchObject([{ cost: null, ...noTokens }]);
    await insertRows(sql, [
      spendRow({ cost: "3", key_id: "key_new" }),
      spendRow({ cost: "0", status: "failure", error_code: "429", ...noTokens, key_id: "key_new" }),
      spendRow({ cost: "2", status: "aborted", estimated: true, key_id: "key_new" }),
    ]);
    const { keys, days } = await sumsOf(sql);
    expect(keys).toEqual({ key_new: 5n });
    expect(days["2026-03-04 key key_new"]).toEqual({
      spend: 5n,
      calls: 4n,
      failed_calls: 1n,
      unpriced_calls: 1n,
      input_tokens: 38n,
      output_tokens: 52n,
    });
  });

  test("a call belongs to the UTC day on which it began", async () => {
    await using opened = await open();
    const { sql } = opened.database;
    await ensureMonth(sql, march);
    await sql`set time zone 'Pacific/Auckland'`;
    await insertRows(sql, [
      spendRow({
        started_at: new Date("2026-03-04T23:59:59.999Z"),
        ended_at: new Date("2026-03-05T00:00:09Z"),
      }),
      spendRow({ started_at: new Date("2026-03-05T00:00:00.000Z") }),
    ]);
    const { days } = await sumsOf(sql);
    expect(Object.keys(days).filter((day) => day.includes("key"))).toEqual([
      "2026-03-04 key key_1",
      "2026-03-05 key key_1",
    ]);
  });

  test(
    "sums are those of the rows, to the picodollar, whatever is inserted in whatever batches",
    { timeout: 120_000 },
    async () => {
      await using opened = await open();
      const { sql } = opened.database;
      for (const month of [0, 1, 2]) await ensureMonth(sql, new Date(Date.UTC(2026, month)));
      await fc.assert(
        fc.asyncProperty(
          fc.array(fc.array(anyRow, { maxLength: 12 }), { maxLength: 4 }),
          fc.nat(11),
          async (batches, repeated) => {
            await sql`truncate spend_log, key_spend, spend_daily`;
            for (const batch of batches)
              await insertRows(sql, [...batch.slice(repeated), ...batch]);
            for (const batch of batches.toReversed()) await insertRows(sql, batch.toReversed());
            expect(await sumsOf(sql)).toEqual(expectedSums(batches.flat()));
          },
        ),
        { numRuns: 20 },
      );
    },
  );

  test(
    "batches of the same keys and ids at once, in any order, neither deadlock nor lose anything",
    { timeout: 120_000 },
    async () => {
      await using opened = await open();
      const { sql } = opened.database;
      await ensureMonth(sql, march);
      const keys = Array.from({ length: 30 }, (_, index) => `key_${index}`);
      const batches = Array.from({ length: 120 }, () =>
        keys.map((key_id, index) =>
          spendRow({
            key_id,
            user_id: `user_${index % 7}`,
            tags: [`tag_${index % 5}`],
            cost: "9223372036854775809",
          }),
        ),
      );
      // Each batch goes twice at about the same time, the second in the opposite order, over all connections of the pool.
      const sent = batches.flatMap((batch) => [batch, batch.toReversed()]);
      await Promise.all(sent.map((batch) => insertRows(sql, batch)));
      expect(await sumsOf(sql)).toEqual(expectedSums(batches.flat()));
    },
  );

  test("a partition is made when it is missing, by several connections at once too", async () => {
    await using opened = await open();
    const { sql } = opened.database;
    await expect(insertRows(sql, [spendRow()])).rejects.toMatchObject({ code: "23514" });
    await Promise.all(Array.from({ length: 8 }, () => ensureMonth(sql, march)));
    await insertRows(sql, [spendRow()]);
    expect(await partitionsOf(sql)).toEqual(["spend_log_2026_03"]);
  });

  test("months meet without a gap and without an overlap", async () => {
    await using opened = await open();
    const { sql } = opened.database;
    const moments = [
      "2026-11-30T23:59:59.999Z",
      "2026-12-01T00:00:00Z",
      "2026-12-31T23:59:59.999Z",
      "2027-01-01T00:00:00Z",
    ].map((text) => new Date(text));
    for (const moment of moments.toReversed()) await ensureMonth(sql, moment);
    // Ids of one millisecond differ in random bits: the lowest and the highest that there can be, too.
    const ids = moments.flatMap((moment) => [
      firstUuidAt(moment.getTime()),
      uuidv7(moment.getTime()),
      `${uuidv7(moment.getTime()).slice(0, 14)}7fff-bfff-ffffffffffff`,
    ]);
    await insertRows(
      sql,
      ids.map((id) => spendRow({ id })),
    );
    expect(
      await sql`select tableoid::regclass::text as partition, count(*) as count from spend_log group by 1 order by 1`,
    ).toEqual([
      { partition: "spend_log_2026_11", count: 3n },
      { partition: "spend_log_2026_12", count: 6n },
      { partition: "spend_log_2027_01", count: 3n },
    ]);
  });

  test("an id is there once, whoever writes it", async () => {
    await using opened = await open();
    const { sql } = opened.database;
    await ensureMonth(sql, march);
    const row = spendRow();
    await insertRows(sql, [row]);
    const again = sql`
      insert into spend_log (id, request_id, key_id, model, model_group, deployment, upstream_model, status, estimated, streamed, started_at, ended_at)
      select id, 'another', key_id, model, model_group, deployment, upstream_model, status, estimated, streamed, now(), now() from spend_log`;
    await expect(again).rejects.toMatchObject({ code: "23505" });
  });

  test("a row that breaks a rule is refused, and with it the batch", async () => {
    await using opened = await open();
    const { sql } = opened.database;
    await ensureMonth(sql, march);
    const faults: [string, Partial<SpendRow>][] = [
      ["23514", { cost: "-1" }],
      ["23514", { status: "lost" as "failure" }],
      ["23502", { model: null as unknown as string }],
      ["22P05", { error_code: "a\u0000b" }],
      ["22P02", { error_code: "\ud83d" }],
      ["22P02", { input_tokens: 1.5 }],
      ["22003", { cost: "1".repeat(39) }],
    ];
    for (const [code, fault] of faults) {
      await expect(insertRows(sql, [spendRow(), spendRow(fault)])).rejects.toMatchObject({ code });
      expect(await sumsOf(sql)).toEqual({ rows: 0n, keys: {}, days: {} });
    }
  });

  test("a row is read as it was written, with any text and any amount", async () => {
    await using opened = await open();
    const { sql } = opened.database;
    await ensureMonth(sql, march);
    const nasty = `it's "q" \\ \\u0041 {a,b} \n\t % $1 ${"é漢🦆"} NULL`;
    const row = spendRow({
      request_id: nasty,
      key_id: nasty,
      user_id: nasty,
      tags: [nasty, "", "null", "a,b", "{}"],
      error_code: nasty,
      model: nasty,
      model_group: nasty,
      deployment: nasty,
      upstream_model: nasty,
      rate_card: { id: nasty, source: nasty, rates: { input: nasty } },
      cost: String(2n ** 63n + 1n),
      input_tokens: 2 ** 53 - 1,
      output_tokens: 2 ** 31,
    });
    await insertRows(sql, [row]);
    const { rate_card, ...shown } = row;
    expect(await listSpend(sql, everything)).toEqual([
      { ...shown, price_source: nasty, cost: 2n ** 63n + 1n },
    ]);
    expect(await sql`select id, source, rates from rate_card`).toEqual([rate_card]);
    expect((await sumsOf(sql)).keys).toEqual({ [nasty]: 2n ** 63n + 1n });
  });

  test("rows are listed newest first, by what is asked for", async () => {
    await using opened = await open();
    const { sql } = opened.database;
    await ensureMonth(sql, march);
    const at = (second: number) => new Date(march.getTime() + second * 1_000);
    const rows = [
      spendRow({ started_at: at(0), key_id: "a", user_id: "ann", request_id: "r1" }),
      spendRow({
        started_at: at(1),
        key_id: "b",
        user_id: "ann",
        request_id: "r1",
        status: "failure",
      }),
      spendRow({
        started_at: at(2),
        key_id: "a",
        user_id: "bob",
        request_id: "r2",
        status: "aborted",
      }),
    ];
    await insertRows(sql, rows);
    const listed = async (filter: Partial<SpendFilter>) =>
      (await listSpend(sql, { ...everything, ...filter })).map(({ id }) =>
        rows.findIndex((row) => row.id === id),
      );
    expect(await listed({})).toEqual([2, 1, 0]);
    expect(await listed({ key_id: "a" })).toEqual([2, 0]);
    expect(await listed({ user_id: "ann" })).toEqual([1, 0]);
    expect(await listed({ request_id: "r1" })).toEqual([1, 0]);
    expect(await listed({ status: "failure" })).toEqual([1]);
    expect(
      await listed({ key_id: "a", request_id: "r1", user_id: "ann", status: "success" }),
    ).toEqual([0]);
    expect(await listed({ key_id: "nobody" })).toEqual([]);
    expect(await listed({ from: firstUuidAt(at(1).getTime()) })).toEqual([2, 1]);
    expect(await listed({ before: firstUuidAt(at(1).getTime()) })).toEqual([0]);
    expect(
      await listed({ from: firstUuidAt(at(1).getTime()), before: firstUuidAt(at(2).getTime()) }),
    ).toEqual([1]);
  });

  test("pages that follow one another by cursor hold every row once, though new ones come meanwhile", async () => {
    await using opened = await open();
    const { sql } = opened.database;
    await ensureMonth(sql, march);
    const rows = Array.from({ length: 25 }, (_, index) =>
      spendRow({ started_at: new Date(march.getTime() + (index % 3)) }),
    );
    await insertRows(sql, rows);
    const seen: string[] = [];
    let cursor: string | undefined;
    do {
      const page = await listSpend(sql, { ...everything, cursor, limit: 10 });
      seen.push(...page.map(({ id }) => id));
      cursor = page.length === 10 ? page.at(-1)?.id : undefined;
      await insertRows(sql, [spendRow({ started_at: new Date(march.getTime() + 1_000) })]);
    } while (cursor !== undefined);
    expect(seen).toEqual(
      rows
        .map(({ id }) => id)
        .toSorted()
        .toReversed(),
    );
  });
});

describe.each(sharedEngines)("$name: windows of budgets", ({ open }) => {
  test("what rows cost moves from what the replica holds of their window to what is spent of it", async () => {
    await using opened = await open();
    const { sql } = opened.database;
    await ensureMonth(sql, march);
    const [replicaId, other] = [await addReplica(sql), await addReplica(sql)];
    const [window, untouched] = [await addWindow(sql), await addWindow(sql)];
    for (const id of [replicaId, other]) await addAllowance(sql, window, id, 100n);
    await addAllowance(sql, untouched, replicaId, 100n);

    const rows = ["10", "0", "20"].map((cost) => spendRow({ cost }));
    const unknown = spendRow({ cost: null });
    const standings = await insertRows(sql, [...rows, unknown], { replicaId, windows: [window] });

    expect(standings).toMatchObject([
      { window_id: window, amount: 70n, spent: 30n, added: 30n, soft_cap: null },
    ]);
    expect(await heldIn(sql)).toEqual([
      { window_id: window, replica_id: replicaId, amount: 70n },
      { window_id: window, replica_id: other, amount: 100n },
      { window_id: untouched, replica_id: replicaId, amount: 100n },
    ]);
    expect(await spentIn(sql)).toEqual([30n, 0n]);
  });

  test("a batch that is sent twice moves its money once, and tells how things stand", async () => {
    await using opened = await open();
    const { sql } = opened.database;
    await ensureMonth(sql, march);
    const replicaId = await addReplica(sql);
    const window = await addWindow(sql);
    await addAllowance(sql, window, replicaId, 100n);
    const rows = [spendRow({ cost: "10" }), spendRow({ cost: "20" })];
    const admission = { replicaId, windows: [window] };
    const [first] = await insertRows(sql, rows, admission);

    const again = await insertRows(sql, rows, admission);
    const more = await insertRows(sql, [...rows, spendRow({ cost: "5" })], admission);

    expect(again).toMatchObject([{ amount: 70n, version: first?.version, spent: 30n, added: 0n }]);
    expect(more).toMatchObject([{ amount: 65n, spent: 35n, added: 5n }]);
    expect(more[0]?.version).toBeGreaterThan(first?.version ?? 0n);
  });

  test("cost beyond an allowance takes all of it and no more, and without one nothing", async () => {
    await using opened = await open();
    const { sql } = opened.database;
    await ensureMonth(sql, march);
    const [replicaId, other] = [await addReplica(sql), await addReplica(sql)];
    const window = await addWindow(sql);
    for (const id of [replicaId, other]) await addAllowance(sql, window, id, 100n);
    const admission = { replicaId, windows: [window] };

    const spent = await insertRows(sql, [spendRow({ cost: "130" })], admission);
    await sql`delete from allowance where replica_id = ${replicaId}`;
    const closed = await insertRows(sql, [spendRow({ cost: "7" })], admission);

    expect(spent).toMatchObject([{ amount: 0n, spent: 130n, added: 130n }]);
    expect(closed).toMatchObject([{ amount: null, version: null, spent: 137n, added: 7n }]);
    expect(await heldIn(sql)).toEqual([{ window_id: window, replica_id: other, amount: 100n }]);
  });

  test("a row counts in each of the windows that admitted it, whichever is current, and one may be asked about that it did not touch", async () => {
    await using opened = await open();
    const { sql } = opened.database;
    await ensureMonth(sql, march);
    const replicaId = await addReplica(sql);
    const windows = [await addWindow(sql), await addWindow(sql), await addWindow(sql)];
    for (const window of windows) await addAllowance(sql, window, replicaId, 50n);
    const [first = 0, second = 0, third = 0] = windows;
    await sql`update budget_window set starts_at = now() - interval '2 days', ends_at = now() - interval '1 day'`;

    await insertRows(sql, [spendRow({ cost: "4" })], { replicaId, windows: [first, second] });
    await insertRows(sql, [spendRow({ cost: "3" })], { replicaId, windows: [second] });
    const standings = await insertRows(sql, [], { replicaId, windows });

    expect(standings.map(({ window_id, amount, spent }) => [window_id, amount, spent])).toEqual([
      [first, 46n, 4n],
      [second, 43n, 7n],
      [third, 50n, 0n],
    ]);
    expect((await verify(sql)).differences).toEqual([]);
  });

  test("the owner and the soft cap of a window are told with it", async () => {
    await using opened = await open();
    const { sql } = opened.database;
    const budget = await putBudgets(sql, { kind: "key", id: "key_1" }, [
      { ...plainTerms, cap: 9n, soft_cap: 5n },
    ]);
    expect(budget).toHaveLength(1);
    await sql`select current_window(b, 'UTC') from budget b`;
    const [window] = await sql<[{ id: number }]>`select id::float8 as id from budget_window`;
    expect(await insertRows(sql, [], { windows: [window.id] })).toMatchObject([
      { soft_cap: 5n, owner_kind: "key", owner_id: "key_1", slot: "max_budget" },
    ]);
  });

  test(
    "replicas that write, carve and give back the same windows at once neither deadlock nor lose a picodollar",
    { timeout: 120_000 },
    async () => {
      await using opened = await open();
      const { sql } = opened.database;
      await ensureMonth(sql, march);
      const replicas = [await addReplica(sql), await addReplica(sql), await addReplica(sql)];
      const terms = Array.from({ length: 5 }, (_, index) => ({
        ...plainTerms,
        slot: `model:${index}`,
        model: `${index}`,
        cap: 10n ** 9n,
      }));
      const budgets = await putBudgets(sql, { kind: "custom", id: "a" }, terms);
      const ids = budgets.map(({ id }) => id);
      const asks = ids.map((budgetId) => ({ budgetId, need: 500n, want: 900n }));
      const windows: number[] = [];
      for (const replicaId of replicas)
        for (const { window_id } of await carve(sql, asks, { replicaId, timeZone: "UTC" }))
          if (!windows.includes(window_id)) windows.push(window_id);

      const work = Array.from({ length: 30 }, (_, index) => {
        const turned = <Item>(items: readonly Item[]) =>
          index % 2 === 0 ? [...items] : items.toReversed();
        const replicaId = replicas[index % replicas.length] ?? "";
        const rows = Array.from({ length: 8 }, () => spendRow({ cost: "7" }));
        return [
          insertRows(sql, rows, { replicaId, windows: turned(windows) }),
          carve(sql, turned(asks), { replicaId, timeZone: "UTC" }),
          findAllowances(sql, replicaId).then((held) => {
            const keeps = held.map(({ window_id, version }) => ({
              windowId: window_id,
              amount: 100n,
              version: version ?? 0n,
            }));
            return giveBack(sql, turned(keeps), replicaId);
          }),
        ];
      });
      await Promise.all(work.flat());

      expect(await spentIn(sql)).toEqual(windows.map(() => 30n * 8n * 7n));
      expect((await verify(sql)).differences).toEqual([]);
    },
  );
});

const plainTerms: BudgetTerms = {
  slot: "max_budget",
  model: null,
  cap: null,
  soft_cap: null,
  temp_increase: 0n,
  temp_expires: null,
  duration: null,
};

async function addReplica(sql: Sql): Promise<string> {
  const id = uuidv7();
  await renewReplica(sql, id, 600);
  return id;
}

/** A window of a budget of its own. */
async function addWindow(sql: Sql): Promise<number> {
  const [window] = await sql<[{ id: number }]>`
    with budget as (insert into budget (owner_kind, owner_id, slot) values ('custom', gen_random_uuid(), 'max_budget') returning id)
    insert into budget_window (budget_id, starts_at, ends_at) select id, now(), 'infinity' from budget
    returning id::float8 as id`;
  return window.id;
}

async function addAllowance(
  sql: Sql,
  windowId: number,
  replicaId: string,
  amount: bigint,
): Promise<void> {
  await sql`
    insert into allowance (window_id, replica_id, amount, version)
    values (${windowId}, ${replicaId}, ${amount}, nextval('allowance_version'))`;
}

async function heldIn(sql: Sql) {
  return sql`select window_id::float8 as window_id, replica_id, amount from allowance order by window_id, replica_id`;
}

async function spentIn(sql: Sql): Promise<bigint[]> {
  const rows = await sql<{ spent: bigint }[]>`select spent from budget_window order by id`;
  return rows.map(({ spent }) => spent);
}

const everything: SpendFilter = {
  key_id: undefined,
  request_id: undefined,
  user_id: undefined,
  status: undefined,
  from: undefined,
  before: undefined,
  cursor: undefined,
  limit: 100,
};

const noTokens = {
  input_tokens: null,
  cache_read_tokens: null,
  cache_write_tokens: null,
  input_audio_tokens: null,
  output_tokens: null,
  reasoning_tokens: null,
  output_audio_tokens: null,
};

const tokens = fc.option(fc.nat());

/** Few owners and many days, costs up to a million times what 64 bits hold. */
const anyRow: fc.Arbitrary<SpendRow> = fc
  .record({
    key_id: fc.constantFrom("a", "b", "c"),
    user_id: fc.constantFrom("ann", "bob", null),
    tags: fc.array(fc.constantFrom("x", "y", "z"), { maxLength: 3 }),
    model_group: fc.constantFrom("gpt", "claude"),
    cost: fc.option(fc.bigInt(0n, 2n ** 83n).map(String)),
    status: fc.constantFrom("success", "failure", "aborted"),
    input_tokens: tokens,
    cache_read_tokens: tokens,
    output_tokens: tokens,
    output_audio_tokens: tokens,
    started_at: fc.date({
      min: new Date("2026-01-31T00:00:00Z"),
      max: new Date("2026-03-01T23:59:59.999Z"),
      noInvalidDate: true,
    }),
  })
  .map(spendRow);

async function partitionsOf(sql: SqlPool): Promise<string[]> {
  const rows = await sql<{ name: string }[]>`
    select inhrelid::regclass::text as name from pg_inherits where inhparent = 'spend_log'::regclass order by 1`;
  return rows.map(({ name }) => name);
}
