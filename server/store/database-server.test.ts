import { createServer } from "node:net";
import { once } from "node:events";
import { inspect } from "node:util";
import { describe, expect, inject, test } from "vitest";
import { createDatabase } from "../testing/create-database.ts";
import { watch } from "../testing/watch.ts";
import { openDatabase, type DatabaseSettings } from "./database.ts";
import { refuseOldServer } from "./database-server.ts";

const settings = { dataDir: "", poolSize: 2, prepare: true } satisfies DatabaseSettings;
const secret = "s3cret";

describe.each(inject("postgresServers"))("$name", ({ url: serverUrl }) => {
  test.each([
    "pgbouncer=true&connection_limit=1&pool_timeout=5",
    "sslmode=prefer&channel_binding=prefer&connect_timeout=5",
    "sslmode=disable&supa=base-pooler.x",
    "options=-c%20statement_timeout%3D5000&application_name=gateway",
    "target_session_attrs=read-write",
  ])("a URL with %s connects", async (parameters) => {
    await using database = await openOnce(`${serverUrl}?${parameters}`);
    expect(await database.sql`select 1 as one`).toEqual([{ one: 1 }]);
  });

  test("what the URL says reaches the server", async () => {
    const options = "options=-c%20statement_timeout%3D5000&application_name=gateway";
    await using database = await openOnce(`${serverUrl}?${options}`);
    expect(
      await database.sql`select current_setting('statement_timeout') as timeout, current_setting('application_name') as name`,
    ).toEqual([{ timeout: "5s", name: "gateway" }]);
  });

  test("a pooler's URL gives up prepared statements and notifications", async () => {
    await using database = await openOnce(`${serverUrl}?pgbouncer=true&connection_limit=1`);
    expect(database.listens).toBe(false);
    await (
      await database.listen("keys", () => {})
    )();
    await database.sql`select ${1}::int as one`;
    expect(await database.sql`select name from pg_prepared_statements`).toEqual([]);
  });

  test("a schema is worked in when it is there, and named when it is not", async () => {
    const created = await createDatabase(serverUrl);
    const missing = openDatabase({ ...settings, url: `${created.url}?schema=Key%20plane` });
    await expect(missing).rejects.toThrow('its schema "Key plane" does not exist');

    await using plain = await openOnce(created.url);
    await plain.sql`create schema "Key plane"`;
    await using inside = await openOnce(`${created.url}?schema=Key%20plane`);
    await inside.sql`create table fruit (name text)`;
    expect(
      await plain.sql`select table_schema as schema from information_schema.tables where table_name = 'fruit'`,
    ).toEqual([{ schema: "Key plane" }]);
    await inside.close();
    await plain.close();
    await created.drop();
  });

  test("a listener comes back after its connection is ended, and says so", async () => {
    await using database = await openOnce(serverUrl);
    const heard = watch<string>();
    const listening = watch<void>();
    await database.listen("keys", heard.add, listening.add);
    await listening.until(1);
    await database.sql`select pg_terminate_backend(pid) from pg_stat_activity where query like 'listen%'`;
    await listening.until(2);
    await database.sql.notify("keys", "again");
    expect(await heard.until(1)).toEqual(["again"]);
  });

  test("a database that is not there is named without the password", async () => {
    const url = serverUrl
      .replace("postgres@", `postgres:${secret}@`)
      .replace(/postgres$/, "nowhere");
    const failure = await openDatabase({ ...settings, url }).catch((error: unknown) => error);
    expect(String(failure)).toMatch(
      /^Error: Cannot use the database at "127.0.0.1:\d+\/nowhere": database "nowhere" does not exist$/,
    );
    expectNoSecret(failure);
  });
});

test("a server that is not there is named without the password", async () => {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  const port = typeof address === "object" ? address?.port : undefined;
  const failure = await openDatabase({
    ...settings,
    url: `postgres://u:${secret}@127.0.0.1:${port}/app`,
  }).catch((error: unknown) => error);
  expect(String(failure)).toContain(
    `Cannot use the database at "127.0.0.1:${port}/app": connect ECONNREFUSED`,
  );
  expectNoSecret(failure);
});

test("a server older than 15 is refused", () => {
  expect(() => refuseOldServer(140_011, "14.11")).toThrow(
    "it runs Postgres 14.11, and Keyplane needs 15 or newer",
  );
  expect(() => refuseOldServer(150_000, "15.0")).not.toThrow();
});

function expectNoSecret(failure: unknown): void {
  expect(failure).toBeInstanceOf(Error);
  expect(inspect(failure, { depth: Infinity, showHidden: true })).not.toContain(secret);
}

async function openOnce(url: string) {
  const database = await openDatabase({ ...settings, url });
  return { ...database, [Symbol.asyncDispose]: database.close };
}
