import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { firstUuidAt, uuidv7 } from "../secrets.ts";
import { sharedEngines } from "../testing/database.ts";
import { ensureMonth, insertRows, spendRow } from "../testing/spend-row.ts";
import { expectedSums, oneCall, sumsOf } from "../testing/spend-sums.ts";
import type { SqlPool } from "./database.ts";
import { listSpend, type SpendFilter, type SpendRow } from "./spend.ts";

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
