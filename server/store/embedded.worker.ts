import { parentPort, workerData } from "node:worker_threads";
import { PGlite } from "@electric-sql/pglite";
import type { FromWorker, ToWorker, WorkerSettings } from "./embedded.ts";
import { EmbeddedSessions } from "./embedded-sessions.ts";

// The defaults are sized for a server: 128 MB of buffers would be most of what this thread takes.
const modestMemory = ["-c", "shared_buffers=16MB", "-c", "wal_buffers=1MB"];

if (!parentPort) throw new Error("Cannot run the embedded database outside of a worker thread");
const parent = parentPort;
const { dataDir } = workerData as WorkerSettings; // written by openEmbedded only

const engine = await PGlite.create({
  dataDir,
  startParams: [...PGlite.defaultStartParams, ...modestMemory],
});
const sessions = new EmbeddedSessions((batch) => engine.execProtocolRaw(batch));

parent.on("message", (message: ToWorker) => {
  if (message.type === "connect") return sessions.connect(message.port);
  void close();
});
parent.postMessage({ type: "ready" } satisfies FromWorker, []);

async function close(): Promise<void> {
  await sessions.close();
  await engine.close();
  parent.close();
}
