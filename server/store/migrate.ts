import { createHash } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Sql, SqlPool } from "./database.ts";

interface Migration {
  readonly name: string;
  readonly checksum: string;
  readonly text: string;
}

type Applied = Pick<Migration, "name" | "checksum">;

/** Any number that nobody else locks: the letters "keyp". */
const lockNumber = 0x6b657970;

/**
 * Brings the database to the newest of `directory`'s migrations, `NNNN_name.sql`, run in the order of their numbers.
 *
 * One transaction: a migration that fails leaves everything as it was. The lock makes processes that start at once
 * queue, so each finds what the one before it did; it ends with the transaction, which poolers allow.
 *
 * @returns the names of those applied now.
 * @throws Error when the database has one that this version does not have, or has it in another form.
 */
export async function migrate(sql: SqlPool, directory: URL | string): Promise<string[]> {
  const known = await readMigrations(
    typeof directory === "string" ? directory : fileURLToPath(directory),
  );
  return sql.begin(async (tx) => {
    await tx`select pg_advisory_xact_lock(${lockNumber})`;
    // Hosting services set limits that a large table's migration outlasts.
    await tx`set local statement_timeout = 0`;
    await tx`
      create table if not exists migration (
        name text primary key,
        applied_at timestamptz not null default now(),
        checksum text not null
      )`;
    const applied = await tx<Applied[]>`select name, checksum from migration order by name`;
    refuseForeignHistory(applied, known);
    const missing = known.slice(applied.length);
    for (const migration of missing) await apply(tx, migration);
    return missing.map(({ name }) => name);
  });
}

async function apply(sql: Sql, { name, checksum, text }: Migration): Promise<void> {
  try {
    await sql.unsafe(text);
  } catch (error) {
    throw new Error(
      `Cannot apply migration "${name}": ${error instanceof Error ? error.message : String(error)}`,
      {
        cause: error,
      },
    );
  }
  await sql`insert into migration (name, checksum) values (${name}, ${checksum})`;
}

async function readMigrations(directory: string): Promise<Migration[]> {
  const names = (await readdir(directory)).filter((name) => name.endsWith(".sql")).toSorted();
  const migrations = await Promise.all(names.map((name) => readMigration(directory, name)));
  for (const [index, { name }] of migrations.entries()) {
    const before = migrations[index - 1];
    if (before?.name.slice(0, 4) === name.slice(0, 4))
      throw new Error(`Cannot migrate: "${before.name}" and "${name}" have the same number`);
  }
  return migrations;
}

async function readMigration(directory: string, file: string): Promise<Migration> {
  if (!/^\d{4}_[a-z0-9_]+\.sql$/.test(file))
    throw new Error(`Cannot migrate: "${file}" is not named NNNN_name.sql`);
  // A checkout on Windows may have changed the line ends, which is no change of the migration.
  const text = (await readFile(join(directory, file), "utf8")).replaceAll("\r\n", "\n");
  const checksum = createHash("sha256").update(text).digest("hex");
  return { name: file.slice(0, -".sql".length), checksum, text };
}

/** What was applied must be the beginning of what is known. */
function refuseForeignHistory(applied: readonly Applied[], known: readonly Migration[]): void {
  const names = new Set(known.map(({ name }) => name));
  for (const [index, { name, checksum }] of applied.entries()) {
    const expected = known[index];
    if (!names.has(name))
      throw new Error(
        `Cannot migrate: the database has "${name}", which this version does not know; a newer one ran here`,
      );
    if (expected?.name !== name)
      throw new Error(
        `Cannot migrate: "${expected?.name}" comes before "${name}", which has been applied already`,
      );
    if (expected.checksum !== checksum)
      throw new Error(`Cannot migrate: "${name}" has been changed since it was applied`);
  }
}
