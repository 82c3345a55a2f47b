import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { Duplex } from "node:stream";
import { MessageChannel, Worker, type MessagePort } from "node:worker_threads";
import { lockDirectory } from "./directory-lock.ts";
import { EmbeddedSocket } from "./embedded-socket.ts";

/** Postgres inside this process: PGlite in a thread of its own, because a query blocks the thread that runs it. */
export interface Embedded {
  /** A new connection in Postgres's wire protocol, for the `socket` option of postgres.js. */
  socket(): Duplex;
  /** Ends every connection, closes the database cleanly, then gives the data directory back. */
  close(): Promise<void>;
}

export interface WorkerSettings {
  readonly dataDir: string;
}

export type ToWorker = { type: "connect"; port: MessagePort } | { type: "close" };
export type FromWorker = { type: "ready" };

const inMemory = "memory://";

/**
 * Opens the embedded database, and makes it when it is not there.
 *
 * @param dataDir a directory, whose `database` folder takes the files, or `memory://` for one that leaves nothing behind.
 * @throws DirectoryInUse when another process has the directory open.
 */
export async function openEmbedded(dataDir: string): Promise<Embedded> {
  if (dataDir === inMemory) return startWorker(dataDir);
  await mkdir(dataDir, { recursive: true, mode: 0o700 });
  // PGlite takes no lock of its own: two engines on one directory destroy it.
  const lock = await lockDirectory(dataDir);
  try {
    const embedded = await openFiles(join(dataDir, "database"));
    return { socket: embedded.socket, close: () => embedded.close().finally(lock.release) };
  } catch (error) {
    await lock.release();
    throw new Error(`Cannot open the embedded database in "${dataDir}": ${messageOf(error)}`, {
      cause: error,
    });
  }
}

async function openFiles(files: string): Promise<Embedded> {
  if (!existsSync(files)) await makeFiles(files);
  return startWorker(files);
}

/**
 * Under another name until it is whole, so that a process killed here does not leave half a database behind.
 * In a thread of its own, because making one takes half a gigabyte that the thread would keep.
 */
async function makeFiles(files: string): Promise<void> {
  const unfinished = `${files}.unfinished`;
  await rm(unfinished, { recursive: true, force: true });
  const maker = await startWorker(unfinished);
  await maker.close();
  await rename(unfinished, files);
}

async function startWorker(dataDir: string): Promise<Embedded> {
  const { url, execArgv } = workerModule();
  const worker = new Worker(url, { workerData: { dataDir } satisfies WorkerSettings, execArgv });
  const ended = new Promise<void>((resolve) => worker.once("exit", () => resolve()));
  let running = true;
  void ended.then(() => (running = false));
  await ready(worker);
  // A later failure ends the thread, which closes every port: the queries in flight hear of it there.
  worker.on("error", () => (running = false));
  return {
    socket: () => (running ? connect(worker) : closedSocket()),
    async close() {
      worker.postMessage({ type: "close" } satisfies ToWorker, []);
      await ended;
    },
  };
}

async function ready(worker: Worker): Promise<void> {
  const exited = once(worker, "exit").then(() => {
    throw new Error("its thread ended before the database was ready");
  });
  await Promise.race([once(worker, "message"), exited]);
}

function connect(worker: Worker): Duplex {
  const { port1, port2 } = new MessageChannel();
  worker.postMessage({ type: "connect", port: port2 } satisfies ToWorker, [port2]);
  return new EmbeddedSocket(port1);
}

/** Fails like a refused connection: thrown from `socket()`, the error would leave postgres.js waiting for ever. */
function closedSocket(): Duplex {
  const error = new Error("Cannot reach the embedded database: it has ended");
  // So that callers are told of an outage, as with a server that is away.
  return new Duplex({ read() {} }).destroy(Object.assign(error, { code: "ECONNREFUSED" }));
}

/** From source (tests) the thread has to be taught TypeScript: Node 20 does not read it. */
function workerModule(): { url: URL; execArgv?: string[] } {
  if (!import.meta.url.endsWith(".ts"))
    return { url: new URL("./embedded.worker.js", import.meta.url) };
  const url = new URL("./embedded.worker.ts", import.meta.url);
  return { url, execArgv: ["--import", "jiti/register"] };
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
