import { chown, mkdtemp, readdir, realpath, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { run } from "./command.ts";
import { createDatabase, type CreatedDatabase } from "./create-database.ts";
import { copyPackaged, packagedBinaries } from "./packaged-postgres.ts";
import { startOn, startOnFreePort, stop } from "./postgres-process.ts";
import { unprivilegedAccount } from "./unprivileged-account.ts";

/** A Postgres of a test's own, on 127.0.0.1. */
export interface TestServer {
  /** Of its `postgres` database, as superuser. */
  readonly url: string;
  /** As the server says it: `15.18`. */
  readonly version: string;
  /** Makes a database, empty or as a copy of `template`, to which nobody may be connected. */
  createDatabase(options?: { template?: string }): Promise<CreatedDatabase>;
  /** Ends the server; its files stay. */
  halt(): Promise<void>;
  /** Starts it again, on the same port and files. */
  resume(): Promise<void>;
  /** Ends the server and removes its files. */
  stop(): Promise<void>;
}

const oldestVersion = 15;

/** Starts a new server from the binaries in `binDirectory`. As root it runs under an unprivileged account. */
export async function startPostgres(binDirectory: string): Promise<TestServer> {
  const account = await unprivilegedAccount();
  const directory = await mkdtemp(join(tmpdir(), "keyplane-postgres-"));
  try {
    if (account) await chown(directory, account.uid, account.gid);
    const binaries = await copyPackaged(binDirectory, directory, account);
    const version = await run(join(binaries, "postgres"), ["--version"]);
    const data = join(directory, "data");
    const initdb = [
      "-D",
      data,
      "-U",
      "postgres",
      "-A",
      "trust",
      "-E",
      "UTF8",
      "--locale=C",
      "--no-sync",
    ];
    await run(join(binaries, "initdb"), initdb, account);
    const { port, keeping } = await startOnFreePort(binaries, directory, account);
    const keepers = [keeping];
    const control = join(binaries, "pg_ctl");
    const url = `postgres://postgres@127.0.0.1:${port}/postgres`;
    return {
      url,
      version: /\d+(\.\d+)?/.exec(version)?.[0] ?? version,
      createDatabase: (options) => createDatabase(url, options),
      async halt() {
        await run(control, ["stop", "-D", data, "-m", "fast"], account);
      },
      async resume() {
        keepers.push(await startOn(binaries, { directory, port }, account));
      },
      async stop() {
        for (const keeper of keepers.toReversed()) await stop(keeper);
      },
    };
  } catch (error) {
    await rm(directory, { recursive: true, force: true });
    throw error;
  }
}

/** The servers that can be had here, one for each major version, the npm package's first. */
export async function findPostgres(): Promise<{ name: string; binDirectory: string }[]> {
  const found = new Map<string, string>();
  for (const binDirectory of [await packagedBinaries(), ...(await machineBinaries())]) {
    const major = binDirectory && (await majorVersion(binDirectory));
    if (major && Number(major) >= oldestVersion && !found.has(major))
      found.set(major, binDirectory);
  }
  return [...found].map(([major, binDirectory]) => ({ name: `postgres ${major}`, binDirectory }));
}

/** Undefined when they are not there or do not run here. */
async function majorVersion(binDirectory: string): Promise<string | undefined> {
  try {
    await run(join(binDirectory, "initdb"), ["--version"]);
    return /\d+/.exec(await run(join(binDirectory, "postgres"), ["--version"]))?.[0];
  } catch {
    return undefined;
  }
}

async function machineBinaries(): Promise<string[]> {
  const configured = await run("pg_config", ["--bindir"]).catch(() => undefined);
  const debian = "/usr/lib/postgresql";
  const versions = await readdir(debian).catch(() => []);
  return [
    ...(configured ? [configured] : []),
    ...versions.map((version) => join(debian, version, "bin")),
    ...(await onPath()),
  ];
}

async function onPath(): Promise<string[]> {
  const program = await run("sh", ["-c", "command -v postgres"]).catch(() => "");
  return program ? [dirname(await realpath(program))] : [];
}
