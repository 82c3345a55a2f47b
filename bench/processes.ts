import { type ChildProcess, fork, spawn } from "node:child_process";
import { closeSync, openSync, readFileSync } from "node:fs";
import { createServer } from "node:net";
import { once } from "node:events";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { portOf } from "./worker.ts";

/** Every process that the bench starts. Those still running end with it, however it ends. */
export class Processes {
  readonly directory: string;
  readonly #running = new Set<ChildProcess>();

  /** @param directory where the output of started programs is kept */
  constructor(directory: string) {
    this.directory = directory;
    process.once("exit", () => this.#signalAll("SIGKILL"));
  }

  /** Starts one of the bench's own scripts, with a channel for messages. */
  fork(script: URL, ...programArguments: string[]): ChildProcess {
    return this.#keep(fork(script, programArguments));
  }

  /** Starts a program whose output goes to `NAME.log`, and waits until `isReady`. */
  async start(
    name: string,
    command: string[],
    isReady: () => Promise<boolean>,
  ): Promise<ChildProcess> {
    const [program = "", ...programArguments] = command;
    const logFile = join(this.directory, `${name}.log`);
    const log = openSync(logFile, "w");
    const child = this.#keep(spawn(program, programArguments, { stdio: ["ignore", log, log] }));
    closeSync(log);
    const deadline = Date.now() + 30_000;
    while (!(await isReady().catch(() => false))) {
      if (hasEnded(child) || Date.now() > deadline) {
        throw new Error(
          `Cannot start "${name}", its last words: ${readFileSync(logFile, "utf8").slice(-2000)}`,
        );
      }
      await sleep(50);
    }
    return child;
  }

  async stop(child: ChildProcess): Promise<void> {
    if (hasEnded(child)) return;
    const ended = once(child, "exit");
    child.kill("SIGTERM");
    const patience = setTimeout(() => child.kill("SIGKILL"), 5000);
    await ended;
    clearTimeout(patience);
  }

  async stopAll(): Promise<void> {
    await Promise.all([...this.#running].map((child) => this.stop(child)));
  }

  #keep(child: ChildProcess): ChildProcess {
    this.#running.add(child);
    child.once("exit", () => this.#running.delete(child));
    child.once("error", () => this.#running.delete(child));
    return child;
  }

  #signalAll(signal: NodeJS.Signals): void {
    for (const child of this.#running) child.kill(signal);
  }
}

/** What a forked script says next. Rejects when it ends first. */
export function nextMessage(child: ChildProcess): Promise<unknown> {
  if (hasEnded(child))
    return Promise.reject(new Error("Cannot go on: a process of the bench has ended"));
  return new Promise((resolve, reject) => {
    const onExit = () => reject(new Error("Cannot go on: a process of the bench ended too early"));
    child.once("exit", onExit);
    child.once("message", (message) => {
      child.off("exit", onExit);
      resolve(message);
    });
  });
}

export function pidOf(child: ChildProcess): number {
  if (child.pid === undefined) throw new Error("Cannot measure a process that did not start");
  return child.pid;
}

/** A port that was free a moment ago, for programs that must be told theirs. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const port = portOf(server);
  server.close();
  await once(server, "close");
  return port;
}

function hasEnded(child: ChildProcess): boolean {
  return child.pid === undefined || child.exitCode !== null || child.signalCode !== null;
}
