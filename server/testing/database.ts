import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, inject } from "vitest";
import { openDatabase, type Database, type DatabaseSettings } from "../store/database.ts";
import { run } from "./command.ts";
import { createDatabase } from "./create-database.ts";
import type { PostgresServer } from "./postgres-servers.ts";

/** A migrated, empty database of one test. It ends with the block that holds it: `await using`. */
export interface TestDatabase extends AsyncDisposable {
  readonly database: Database;
  /** For a second connection, from another process for one; undefined when embedded. */
  readonly url: string | undefined;
  /** Closes it and opens it anew, as a restart would; what is returned ends before this does. */
  reopen(): Promise<{ readonly database: Database } & AsyncDisposable>;
}

export interface Engine {
  /** `embedded`, `postgres 18` … */
  readonly name: string;
  open(): Promise<TestDatabase>;
}

const settings = { poolSize: 10, prepare: true };

/**
 * Every engine of this run, but the embedded one opened once a file and emptied for each test: opening it takes seconds.
 * For suites on statements; those on the engine itself take `engines`.
 */
export const sharedEngines: readonly Engine[] = [
  { name: "embedded", open: openEmptied },
  ...inject("postgresServers").map((server) => ({
    name: server.name,
    open: () => openServerCopy(server),
  })),
];

/** Every engine of this run, for `describe.each(engines)("$name", ({ open }) => …)`. */
export const engines: readonly Engine[] = [
  { name: "embedded", open: openEmbeddedCopy },
  ...inject("postgresServers").map((server) => ({
    name: server.name,
    open: () => openServerCopy(server),
  })),
];

/** A database of the engine of that name, `embedded` unless given. @throws Error when this run does not have it. */
export async function createTestDatabase(engineName = "embedded"): Promise<TestDatabase> {
  const engine = engines.find(({ name }) => name === engineName);
  if (!engine)
    throw new Error(`Cannot open a database of "${engineName}": this run does not have it`);
  return engine.open();
}

/**
 * A copy of the files: making a new embedded database takes seconds, opening one a fraction of one.
 * The programs copy and remove a thousand files ten times as fast as node:fs does.
 */
async function openEmbeddedCopy(): Promise<TestDatabase> {
  const dataDir = await mkdtemp(join(tmpdir(), "keyplane-test-"));
  await run("cp", ["-R", join(inject("embeddedTemplate"), "database"), dataDir]);
  return openReopenable({ ...settings, dataDir }, () => run("rm", ["-rf", dataDir]));
}

let shared: Promise<TestDatabase> | undefined;

afterAll(async () => (await shared)?.[Symbol.asyncDispose]());

async function openEmptied(): Promise<TestDatabase> {
  shared ??= openEmbeddedCopy();
  const opened = await shared;
  const { sql } = opened.database;
  const partitions = await sql<{ name: string }[]>`
    select inhrelid::regclass::text as name from pg_inherits where inhparent = 'spend_log'::regclass`;
  for (const { name } of partitions) await sql`drop table ${sql(name)}`;
  await sql`truncate virtual_key, key_secret, key_spend, change, spend_log, spend_daily, rate_card, budget, budget_window, allowance, adjustment, replica`;
  return { ...opened, [Symbol.asyncDispose]: async () => {} };
}

async function openServerCopy({ url, template }: PostgresServer): Promise<TestDatabase> {
  const copy = await createDatabase(url, { template });
  return openReopenable({ ...settings, url: copy.url, dataDir: "" }, copy.drop);
}

async function openReopenable(
  where: DatabaseSettings,
  remove: () => Promise<unknown>,
): Promise<TestDatabase> {
  const database = await openDatabase(where);
  const reopen = async () => {
    await database.close();
    const again = await openDatabase(where);
    return { database: again, [Symbol.asyncDispose]: again.close };
  };
  const dispose = async () => {
    await database.close();
    await remove();
  };
  return { database, url: where.url, reopen, [Symbol.asyncDispose]: dispose };
}
