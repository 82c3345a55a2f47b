import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, inject, test } from "vitest";
import { createDatabase } from "../testing/create-database.ts";
import { openDatabase, type Database } from "./database.ts";
import { migrate } from "./migrate.ts";

const first =
  "create table fruit (name text primary key);\ninsert into fruit (name) values ('apple');";
const second = "alter table fruit add column colour text; update fruit set colour = 'red';";

const servers = inject("postgresServers");
const engines = [undefined, ...servers].map((server) => ({
  name: server?.name ?? "embedded",
  url: server?.url,
}));

describe.each(engines)("$name", ({ url }) => {
  test("migrations run in order, once each, and the next time only the new ones", async () => {
    await using files = await makeMigrations({ "0001_fruit.sql": first });
    await using empty = await openEmpty(url);
    const { sql } = empty.database;
    expect(await migrate(sql, files.path)).toEqual(["0001_fruit"]);
    await files.write("0002_colour.sql", second);
    expect(await migrate(sql, files.path)).toEqual(["0002_colour"]);
    expect(await migrate(sql, files.path)).toEqual([]);
    expect(await sql`select name, colour from fruit`).toEqual([{ name: "apple", colour: "red" }]);
    expect(await sql`select name from migration order by name`).toEqual([
      { name: "0001_fruit" },
      { name: "0002_colour" },
    ]);
  });

  test("a migration that fails is named, and leaves everything as it was", async () => {
    await using files = await makeMigrations({
      "0001_fruit.sql": first,
      "0002_colour.sql": "alter table berry add x int;",
    });
    await using empty = await openEmpty(url);
    const { sql } = empty.database;
    await expect(migrate(sql, files.path)).rejects.toThrow(
      'Cannot apply migration "0002_colour": relation "berry"',
    );
    expect(
      await sql`select to_regclass('fruit') as fruit, to_regclass('migration') as migration`,
    ).toEqual([{ fruit: null, migration: null }]);
  });

  test("a database of a newer version, of another order, or with a changed migration is refused", async () => {
    await using files = await makeMigrations({
      "0001_fruit.sql": first,
      "0003_colour.sql": second,
    });
    await using empty = await openEmpty(url);
    const { sql } = empty.database;
    await migrate(sql, files.path);

    await using older = await makeMigrations({ "0001_fruit.sql": first });
    await expect(migrate(sql, older.path)).rejects.toThrow(
      'has "0003_colour", which this version does not know',
    );

    await files.write("0001_fruit.sql", first.replaceAll("\n", "\r\n"));
    expect(await migrate(sql, files.path)).toEqual([]);

    await files.write("0002_late.sql", "select 1");
    await expect(migrate(sql, files.path)).rejects.toThrow(
      '"0002_late" comes before "0003_colour"',
    );

    await using changed = await makeMigrations({
      "0001_fruit.sql": `${first} --`,
      "0003_colour.sql": second,
    });
    await expect(migrate(sql, changed.path)).rejects.toThrow('"0001_fruit" has been changed');
  });
});

test.skipIf(servers.length === 0).each(servers)(
  "four processes that start at once on $name all succeed",
  async ({ url }) => {
    await using files = await makeMigrations({
      "0001_fruit.sql": `${first} select pg_sleep(0.1);`,
      "0002_colour.sql": second,
    });
    await using empty = await createEmpty(url);
    const others = await Promise.all([1, 2, 3].map(() => empty.again()));
    const outcomes = await Promise.all(
      [empty.database, ...others].map(({ sql }) => migrate(sql, files.path)),
    );
    await Promise.all(others.map((other) => other.close()));
    expect(outcomes.flat().toSorted()).toEqual(["0001_fruit", "0002_colour"]);
  },
);

test.each([
  [{ "1_fruit.sql": first }, '"1_fruit.sql" is not named NNNN_name.sql'],
  [
    { "0001_fruit.sql": first, "0001_berry.sql": first },
    '"0001_berry" and "0001_fruit" have the same number',
  ],
])("a directory that cannot be ordered is refused: %o", async (texts, reason) => {
  await using files = await makeMigrations(texts);
  await using empty = await openEmpty(servers[0]?.url);
  await expect(migrate(empty.database.sql, files.path)).rejects.toThrow(reason);
});

async function makeMigrations(texts: Record<string, string>) {
  const path = await mkdtemp(join(tmpdir(), "keyplane-migrations-"));
  const write = (name: string, text: string) => writeFile(join(path, name), text);
  for (const [name, text] of Object.entries(texts)) await write(name, text);
  return { path, write, [Symbol.asyncDispose]: () => rm(path, { recursive: true }) };
}

/** The embedded one, of which there is one for all tests: to make it takes seconds. */
let embedded: Promise<Database> | undefined;

afterAll(async () => (await embedded)?.close());

async function openEmpty(serverUrl: string | undefined) {
  return serverUrl === undefined ? emptyEmbedded() : createEmpty(serverUrl);
}

async function emptyEmbedded() {
  embedded ??= openDatabase({ dataDir: "memory://", poolSize: 2, prepare: true });
  const database = await embedded;
  await database.sql`drop schema public cascade`;
  await database.sql`create schema public`;
  return { database, [Symbol.asyncDispose]: async () => {} };
}

async function createEmpty(serverUrl: string) {
  const created = await createDatabase(serverUrl);
  const again = () => openDatabase({ url: created.url, dataDir: "", poolSize: 2, prepare: true });
  const database = await again();
  const dispose = async () => {
    await database.close();
    await created.drop();
  };
  return { database, again, [Symbol.asyncDispose]: dispose };
}
