import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { inject } from "vitest";
import { freePort } from "./free-port.ts";

/** A Redis of a test's own, on 127.0.0.1, which keeps nothing on disk. It ends with the block that holds it: `await using`. */
export interface TestRedis extends AsyncDisposable {
  readonly url: string;
  /** Kills it; what it knew is gone. */
  stop(): Promise<void>;
  /** Starts it anew, empty, on the same port. */
  restart(): Promise<void>;
  /** From now on connections to it are made and nothing is answered. */
  freeze(): void;
  /** It goes on, with all that was sent to it meanwhile. */
  thaw(): void;
}

interface RunningRedis {
  readonly keeping: ChildProcess;
  readonly processId: number;
}

/** @param words More of the server's own, such as `--requirepass`. */
export async function startRedis(words: readonly string[] = []): Promise<TestRedis> {
  const program = inject("redisProgram");
  if (program === null) throw new Error("Cannot start Redis: this machine does not have it");
  const port = await freePort();
  const start = () => startOn(port, program, words);
  let running = await start();
  const stop = async () => end(running.keeping);
  const restart = async () => {
    await stop();
    running = await start();
  };
  return {
    url: `redis://127.0.0.1:${port}`,
    stop,
    restart,
    freeze: () => void process.kill(running.processId, "SIGSTOP"),
    thaw: () => void process.kill(running.processId, "SIGCONT"),
    [Symbol.asyncDispose]: stop,
  };
}

/**
 * The shell kills the server and removes its directory when our end of its standard input closes, which also happens
 * when this process is killed. A group of its own is out of reach of Ctrl-C.
 */
const keeper = `
  directory=$1; shift
  "$@" & server=$!
  echo "process $server"
  read -r _
  kill -KILL $server; wait $server
  rm -rf "$directory"`;

async function startOn(
  port: number,
  program: string,
  words: readonly string[],
): Promise<RunningRedis> {
  const directory = await mkdtemp(join(tmpdir(), "keyplane-redis-"));
  const settings = { port, bind: "127.0.0.1", dir: directory, save: "", appendonly: "no" };
  const server = Object.entries(settings).flatMap(([name, value]) => [`--${name}`, String(value)]);
  const keeping = spawn(
    "/bin/sh",
    ["-c", keeper, "keeper", directory, program, ...server, ...words],
    { cwd: directory, detached: true, env: { LC_ALL: "C" }, stdio: ["pipe", "pipe", "ignore"] },
  );
  keeping.unref();
  try {
    return { keeping, processId: await untilReady(keeping) };
  } catch (error) {
    await end(keeping);
    throw error;
  }
}

async function untilReady(keeping: ChildProcess): Promise<number> {
  if (!keeping.stdout) throw new Error("Cannot read what the server says");
  const said: string[] = [];
  for await (const line of createInterface({ input: keeping.stdout })) {
    said.push(line);
    if (line.includes("Ready to accept connections")) {
      // A full pipe would stop the server at its next line of log.
      keeping.stdout.resume();
      return Number(/^process (\d+)$/m.exec(said.join("\n"))?.[1]);
    }
    if (/Failed|Fatal|FATAL|Error/.test(line)) break;
  }
  throw new Error(`Cannot start Redis:\n${said.join("\n")}`);
}

async function end(keeping: ChildProcess): Promise<void> {
  if (keeping.exitCode !== null || keeping.signalCode !== null) return;
  const exited = once(keeping, "exit");
  keeping.ref();
  keeping.stdin?.end();
  await exited;
}
