import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { freePort } from "./free-port.ts";
import type { Account } from "./unprivileged-account.ts";

const attempts = 3;

// Nothing in it outlives the test, so nothing has to reach the disk.
const settings = {
  listen_addresses: "127.0.0.1",
  unix_socket_directories: "",
  max_connections: "200",
  shared_buffers: "32MB",
  fsync: "off",
  synchronous_commit: "off",
  full_page_writes: "off",
  wal_level: "minimal",
  max_wal_senders: "0",
  max_wal_size: "128MB",
  autovacuum: "off",
};

/**
 * The shell ends the server and removes its files when our end of its standard input closes, which also happens
 * when this process is killed. It runs under the server's account, and as a group of its own, out of reach of Ctrl-C.
 */
const keeper = `
  directory=$1; shift
  "$@" & server=$!
  read -r _
  kill -QUIT $server; wait $server
  rm -rf "$directory"`;

/** Runs the server whose files are in `directory`/data, and is back when it takes connections. */
export async function startOnFreePort(
  binaries: string,
  directory: string,
  account: Account | undefined,
) {
  for (let attempt = 1; ; attempt += 1) {
    const port = await freePort();
    try {
      return { port, keeping: await startOn(binaries, { directory, port }, account) };
    } catch (error) {
      // Someone else may have taken the port meanwhile.
      if (attempt === attempts) throw error;
    }
  }
}

/** The same on a port that is known. */
export async function startOn(
  binaries: string,
  { directory, port }: { directory: string; port: number },
  account: Account | undefined,
): Promise<ChildProcess> {
  const keeping = spawnKeeper(binaries, directory, port, account);
  try {
    await untilReady(keeping);
    return keeping;
  } catch (error) {
    keeping.kill("SIGKILL");
    throw error;
  }
}

function spawnKeeper(
  binaries: string,
  directory: string,
  port: number,
  account: Account | undefined,
): ChildProcess {
  const options = Object.entries({ ...settings, port }).flatMap(([name, value]) => [
    "-c",
    `${name}=${value}`,
  ]);
  const server = [join(binaries, "postgres"), "-D", join(directory, "data"), ...options];
  const keeping = spawn("/bin/sh", ["-c", keeper, "keeper", directory, ...server], {
    ...account,
    cwd: directory,
    detached: true,
    env: { LC_ALL: "C" },
    stdio: ["pipe", "ignore", "pipe"],
  });
  keeping.unref();
  return keeping;
}

async function untilReady(keeping: ChildProcess): Promise<void> {
  if (!keeping.stderr) throw new Error("Cannot read what the server says");
  const said: string[] = [];
  const lines = createInterface({ input: keeping.stderr });
  for await (const line of lines) {
    said.push(line);
    if (line.includes("ready to accept connections")) return keepReading(keeping);
    if (isFatal(line) || line.includes("not found")) break;
  }
  throw new Error(`Cannot start Postgres:\n${said.join("\n")}`);
}

/** Who calls before it is ready is turned away fatally, and nothing is wrong. */
function isFatal(line: string): boolean {
  return line.includes("FATAL:") && !line.includes("starting up");
}

/** A full pipe would stop the server at its next line of log. */
function keepReading(keeping: ChildProcess): void {
  keeping.stderr?.resume();
}

/** Ends a server and removes its directory. */
export async function stop(keeping: ChildProcess): Promise<void> {
  if (keeping.exitCode !== null || keeping.signalCode !== null) return;
  const exited = once(keeping, "exit");
  keeping.ref();
  keeping.stdin?.end();
  await exited;
}
