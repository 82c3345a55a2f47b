import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestProject } from "vitest/node";
import { openDatabase, type DatabaseSettings } from "../store/database.ts";
import { migrate } from "../store/migrate.ts";
import { findPostgres, startPostgres, type TestServer } from "./postgres.ts";
import type { PostgresServer } from "./postgres-servers.ts";
import { findRedis } from "./redis-program.ts";
import { useScratchDirectory } from "./scratch.ts";

const migrations = new URL("../../migrations", import.meta.url);

/** Starts every real server that can be had, once a run, and prepares for each engine the database that tests copy. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const servers: TestServer[] = [];
  const scratch = await useScratchDirectory();
  const directory = await mkdtemp(join(tmpdir(), "keyplane-test-"));
  const teardown = async () => {
    await Promise.all(servers.map((server) => server.stop()));
    await scratch.remove();
  };
  try {
    const [found, redisProgram] = await Promise.all([findPostgres(), findRedis()]);
    reportMissing([
      ...(found.length > 0 ? [] : ["Postgres (the same suites on the embedded database are run)"]),
      ...(redisProgram ? [] : ["redis-server (limits that replicas share)"]),
    ]);
    const embedded = migrateOnce({ dataDir: directory, poolSize: 1, prepare: false });
    const provided = found.map((installed) => provideServer(installed, servers));
    // All of them, so that none is still starting when the teardown of a failed setup looks.
    await Promise.allSettled([embedded, ...provided]);
    await embedded;
    project.provide("redisProgram", redisProgram);
    project.provide("embeddedTemplate", directory);
    project.provide("postgresServers", await Promise.all(provided));
    return teardown;
  } catch (error) {
    await teardown();
    throw error;
  }
}

async function provideServer(
  { name, binDirectory }: { name: string; binDirectory: string },
  servers: TestServer[],
): Promise<PostgresServer> {
  const server = await startPostgres(binDirectory);
  servers.push(server);
  const template = await server.createDatabase();
  await migrateOnce({ url: template.url, dataDir: "", poolSize: 1, prepare: false });
  return { name, url: server.url, template: template.name };
}

async function migrateOnce(settings: DatabaseSettings): Promise<void> {
  const database = await openDatabase(settings);
  try {
    await migrate(database.sql, migrations);
  } finally {
    await database.close();
  }
}

function reportMissing(servers: readonly string[]): void {
  if (servers.length === 0) return;
  const message = `Not to be had here, so every test on it is left out: ${servers.join("; ")}`;
  // Where the result counts, leaving them out must not look like success.
  if (process.env["KEYPLANE_TESTS_NEED_SERVERS"] === "1") throw new Error(message);
  console.error(message);
}
