import { describe, expect, test } from "vitest";
import { engines } from "../testing/database.ts";
import { watch } from "../testing/watch.ts";
import type { Database, Sql } from "./database.ts";

const rounds = 300;
const workers = 12;

describe.each(engines)("$name", ({ open }) => {
  test("no query ever gets the rows of another", { timeout: 120_000 }, async () => {
    await using opened = await open();
    const { sql } = opened.database;
    await sql`create table crosstalk (tag int)`;
    const worker = async (number: number) => {
      for (let round = 0; round < rounds; round += 1)
        await exercise(opened.database, number % shapes.length, number * rounds + round);
    };
    await Promise.all(Array.from({ length: workers }, (_, number) => worker(number)));
    expect(
      await sql`select count(*) as count, count(distinct tag) as different from crosstalk`,
    ).toEqual([{ count: BigInt(rounds), different: BigInt(rounds) }]);
  });

  test("amounts of money come out as they went in", async () => {
    await using opened = await open();
    const { sql } = opened.database;
    const huge = 10n ** 37n + 1n;
    await sql`create table money (amount numeric(38, 0))`;
    await sql`insert into money (amount) values (${sql.typed.numeric(huge)}), (${-5n}), (${7})`;
    const amounts = [1n, huge].map(String);
    await sql`insert into money (amount) select unnest(${amounts}::numeric[])`;
    const [totals] =
      await sql`select sum(amount) as total, array_agg(amount order by amount) as amounts from money`;
    expect(totals).toEqual({ total: 2n * huge + 3n, amounts: [-5n, 1n, 7n, huge, huge] });
  });

  test("columns come out in the types that the code counts on", async () => {
    await using opened = await open();
    const { sql } = opened.database;
    const [row] = await sql`
      select 9223372036854775807 as big, 42::int as int, 1.50 as fraction, ${sql.json({ a: [1] })}::jsonb as json,
             '2026-01-02T03:04:05Z'::timestamptz as instant, ${sql.array([1n, 2n])}::int8[] as bigs, null as nothing`;
    expect(row).toEqual({
      big: 9223372036854775807n,
      int: 42,
      fraction: "1.50",
      json: { a: [1] },
      instant: new Date("2026-01-02T03:04:05Z"),
      bigs: [1n, 2n],
      nothing: null,
    });
  });

  test("an error inside a transaction rolls it back and leaves the pool usable", async () => {
    await using opened = await open();
    const { sql } = opened.database;
    await sql`create table kept (id int primary key)`;
    const twice = sql.begin(async (tx) => {
      await tx`insert into kept (id) values (1)`;
      await tx`insert into kept (id) values (1)`;
    });
    await expect(twice).rejects.toMatchObject({ code: "23505" });
    expect(await sql`select id from kept`).toEqual([]);
  });

  test("a savepoint can be given up without the transaction", async () => {
    await using opened = await open();
    const { sql } = opened.database;
    await sql`create table kept (id int primary key)`;
    await sql.begin(async (tx) => {
      await tx`insert into kept (id) values (1)`;
      await tx.savepoint((inner) => inner`insert into kept (id) values (1)`).catch(() => {});
      await tx`insert into kept (id) values (2)`;
    });
    expect(await sql`select id from kept order by id`).toEqual([{ id: 1 }, { id: 2 }]);
  });

  test("a connection that ends inside a transaction leaves nothing of it", async () => {
    await using opened = await open();
    const { sql } = opened.database;
    await sql`create table kept (id int primary key)`;
    const torn = sql.begin(async (tx) => {
      await tx`insert into kept (id) values (1)`;
      await sql.end({ timeout: 0 });
      await tx`insert into kept (id) values (2)`;
    });
    await expect(torn).rejects.toThrow("CONNECTION_");
    await using again = await opened.reopen();
    expect(await again.database.sql`select id from kept`).toEqual([]);
  });

  test("a notification reaches whoever listens, and nobody after that", async () => {
    await using opened = await open();
    const { database } = opened;
    const heard = watch<string>();
    const other = watch<string>();
    const stop = await database.listen("keys", heard.add);
    await database.listen("other", other.add);
    await database.sql.begin(async (tx) => {
      await tx`select pg_notify('keys', 'in a transaction')`;
    });
    await database.sql.notify("keys", "alone");
    expect(await heard.until(2)).toEqual(["in a transaction", "alone"]);

    await stop();
    await database.sql.notify("keys", "too late");
    await database.sql.notify("other", "the end");
    expect(await other.until(1)).toEqual(["the end"]);
    expect(await heard.until(2)).toHaveLength(2);
  });

  test("a notification of a transaction that is rolled back is not sent", async () => {
    await using opened = await open();
    const { database } = opened;
    const heard = watch<string>();
    await database.listen("keys", heard.add);
    const failing = database.sql.begin(async (tx) => {
      await tx`select pg_notify('keys', 'never')`;
      throw new Error("on purpose");
    });
    await expect(failing).rejects.toThrow("on purpose");
    await database.sql.notify("keys", "after");
    expect(await heard.until(1)).toEqual(["after"]);
  });
});

type Shape = (database: Database, tag: number) => Promise<void>;

const shapes: Shape[] = [
  async ({ sql }, tag) => {
    expect(await sql`select ${tag}::int as tag, 'a' as text`).toEqual([{ tag, text: "a" }]);
  },
  async ({ sql }, tag) => {
    const large = `${tag}:`.repeat(4_000);
    expect(await sql`select ${large}::text as large, ${tag}::int8 as tag`).toEqual([
      { large, tag: BigInt(tag) },
    ]);
  },
  async ({ sql }, tag) => {
    const rows =
      await sql`select value from generate_series(${tag}::int, ${tag + 50}::int) as value`;
    expect(rows.map(({ value }) => value)).toEqual(
      Array.from({ length: 51 }, (_, index) => tag + index),
    );
  },
  async ({ sql }, tag) => {
    const rows = await sql.unsafe(`select ${tag} as tag, $1::jsonb as json`, [{ tag }], {
      prepare: false,
    });
    expect(rows).toEqual([{ tag, json: { tag } }]);
  },
  async ({ sql }, tag) => {
    const [first, second] = await sql.begin(async (tx) => {
      await tx`insert into crosstalk (tag) values (${tag})`;
      return [await selectTag(tx, tag), await tx`select tag from crosstalk where tag = ${tag}`];
    });
    expect([first, second]).toEqual([[{ tag }], [{ tag }]]);
  },
  async ({ sql }, tag) => {
    await expect(sql`select ${tag}::int / 0 as tag`).rejects.toMatchObject({ code: "22012" });
    await expect(sql.unsafe(`select nothing_${tag}`)).rejects.toThrow(`nothing_${tag}`);
  },
  async ({ sql }, tag) => {
    const failing = sql.begin(async (tx) => {
      await tx`insert into crosstalk (tag) values (${tag})`;
      await tx`select ${tag}::int / 0 as tag`;
    });
    await expect(failing).rejects.toMatchObject({ code: "22012" });
  },
  async ({ sql }, tag) => {
    await sql.notify("crosstalk", String(tag));
    const cursor =
      sql`select value from generate_series(${tag}::int, ${tag + 5}::int) as value`.cursor(2);
    const seen: number[] = [];
    for await (const rows of cursor) seen.push(...rows.map((row) => Number(row?.["value"])));
    expect(seen).toEqual(Array.from({ length: 6 }, (_, index) => tag + index));
  },
];

async function exercise(database: Database, shape: number, tag: number): Promise<void> {
  await shapes[shape]?.(database, tag);
}

function selectTag(sql: Sql, tag: number) {
  return sql`select ${tag}::int as tag`;
}
