import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import postgres from "postgres";
import { expect, inject, test } from "vitest";
import { createTestDatabase, engines } from "./database.ts";
import { createDatabase } from "./create-database.ts";

const servers = inject("postgresServers");

test.each(engines)(
  "a database of $name has the schema, and nothing of another test",
  async ({ open }) => {
    await using one = await open();
    await one.database.sql`create table mine (id int)`;
    await using other = await open();
    const [seen] = await other.database
      .sql`select to_regclass('mine') as mine, to_regclass('migration')::text as migration`;
    expect(seen).toEqual({ mine: null, migration: "migration" });
  },
);

test.each(servers)(
  "a dropped database of $name is gone, though someone is connected",
  async ({ url }) => {
    const created = await createDatabase(url);
    const sql = postgres(created.url, { onnotice: () => {} });
    await sql`select 1`;
    await created.drop();
    await sql.end({ timeout: 0 });
    const left = postgres(created.url);
    await expect(left`select 1`).rejects.toMatchObject({ code: "3D000" });
    await left.end();
  },
);

test("an engine that this run does not have is named", async () => {
  await expect(createTestDatabase("postgres 9")).rejects.toThrow('"postgres 9"');
});

test.skipIf(servers.length === 0)(
  "a server ends with the process that started it, even when that is killed",
  async () => {
    const module = JSON.stringify(new URL("./postgres.ts", import.meta.url).href);
    const program = `
    const { findPostgres, startPostgres } = (await import(${module})).default;
    const [found] = await findPostgres();
    const { url } = await startPostgres(found.binDirectory);
    console.log(url);
    setInterval(() => {}, 1000);`;
    const child = spawn(
      process.execPath,
      ["--import", "jiti/register", "--input-type=module", "--eval", program],
      {
        stdio: ["ignore", "pipe", "inherit"],
      },
    );
    const [url] = await once(createInterface({ input: child.stdout }), "line");
    const sql = postgres(String(url), { max: 1, idle_timeout: 0, onnotice: () => {} });
    await sql`select 1`;
    child.kill("SIGKILL");
    await expect(untilRefused(sql)).resolves.toMatch(/ECONNREFUSED|CONNECTION_|57P0/);
    await sql.end({ timeout: 0 });
  },
);

async function untilRefused(sql: postgres.Sql): Promise<string> {
  for (;;) {
    try {
      await sql`select pg_sleep(0.05)`;
    } catch (error) {
      return error instanceof Error && "code" in error ? String(error.code) : String(error);
    }
  }
}
