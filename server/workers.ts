import cluster, { type Worker } from "node:cluster";
import type { Config } from "../shared/config.ts";
import { within } from "./deadline.ts";
import type { Logger } from "./log.ts";
import { type StopSignal, stopSignal } from "./stop-signal.ts";
import type { WorkerMessage } from "./worker-messages.ts";
import { WorkerMetrics } from "./worker-metrics.ts";

/** Before a worker that ended takes its place again: the pause doubles as long as none gets to serve there. */
const shortestPauseMs = 500;
const longestPauseMs = 10_000;

/** @throws Error when the config leaves several processes nothing to share. */
export function assertShareable({ general_settings: general }: Config, workers: number): void {
  if (general.database_url === undefined)
    throw new Error(
      `Cannot start ${workers} workers on the embedded database, which is for one process: set general_settings.database_url`,
    );
  if (general.redis_url === undefined && general.limits !== "per_replica")
    throw new Error(
      `Cannot start ${workers} workers, each of which would count rate limits for itself: set general_settings.redis_url, which they share, or general_settings.limits: per_replica, if that is meant`,
    );
}

interface Crew {
  readonly logger: Logger;
  readonly stopping: StopSignal;
  readonly metrics: WorkerMetrics;
  /** Those that listen. */
  readonly serving: Set<Worker>;
}

interface Launched {
  readonly worker: Worker;
  /** What it has for the terminal once it listens; undefined when it ended before. */
  readonly ready: Promise<string | undefined>;
  readonly ended: Promise<Ending>;
}

interface Ending {
  readonly code: number | null;
  readonly signal: string | null;
}

/**
 * Runs this program `count` times on one port until it is told to stop, and starts anew what ends unasked. Serves nothing
 * itself.
 *
 * @returns the exit code: 0 when it was told to stop and every worker ended well.
 */
export async function runWorkers(count: number, logger: Logger): Promise<number> {
  const stopping = stopSignal(abandon);
  const crew: Crew = { logger, stopping, metrics: new WorkerMetrics(), serving: new Set() };
  void stopping.promise.then(() => signalAll("SIGTERM"));
  // Alone at first: what keeps it from starting would keep all, and is said once.
  const first = launch(crew);
  const summary = await first.ready;
  const others = summary === undefined ? [] : launchMore(crew, count - 1);
  const all = [first, ...others];
  if (await areReady(all)) process.stdout.write(summary ?? "");
  else if (!stopping.isSet) {
    stopping.set();
    await Promise.all(all.map(({ ended }) => ended));
    return 1;
  }
  const endings = await Promise.all(all.map((launched) => keep(crew, launched)));
  return endings.every((wasClean) => wasClean) ? 0 : 1;
}

function launchMore(crew: Crew, count: number): Launched[] {
  return crew.stopping.isSet ? [] : Array.from({ length: count }, () => launch(crew));
}

async function areReady(all: readonly Launched[]): Promise<boolean> {
  const summaries = await Promise.all(all.map(({ ready }) => ready));
  return summaries.every((summary) => summary !== undefined);
}

function launch({ logger, metrics, serving }: Crew): Launched {
  const worker = cluster.fork();
  worker.on("error", (error) => logger.error({ error }, "cannot reach a worker"));
  const ended = new Promise<Ending>((resolve) => {
    worker.once("exit", (code: number | null, signal: string | null) => {
      serving.delete(worker);
      resolve({ code, signal });
    });
  });
  const ready = new Promise<string | undefined>((resolve) => {
    worker.on("message", (message: WorkerMessage) => {
      if (message.kind !== "worker-ready") return;
      serving.add(worker);
      metrics.add(worker);
      resolve(message.summary);
    });
    void ended.then(() => resolve(undefined));
  });
  return { worker, ready, ended };
}

/** Has a worker's place filled until the stop. Answers whether the last one there ended well. */
async function keep(crew: Crew, first: Launched): Promise<boolean> {
  const { logger, stopping, serving } = crew;
  let pauseMs = shortestPauseMs;
  for (let launched = first; ; launched = launch(crew)) {
    const ending = await launched.ended;
    if (stopping.isSet) return isClean(ending);
    const { pid } = launched.worker.process;
    logger.error({ worker: pid, ...ending }, "a worker ended: another takes its place");
    const hasServed = (await launched.ready) !== undefined;
    if (!hasServed && serving.size === 0) return giveUp(crew);
    pauseMs = hasServed ? shortestPauseMs : Math.min(longestPauseMs, pauseMs * 2);
    await within(stopping.promise, pauseMs, "stop").catch(() => undefined);
    if (stopping.isSet) return true;
  }
}

/** Told to stop before it could listen for signals, a worker dies of it. */
function isClean({ code, signal }: Ending): boolean {
  return code === 0 || signal === "SIGTERM";
}

/** With nobody serving and a start that fails, whoever watches this process knows better what to do. */
function giveUp({ logger, stopping }: Crew): false {
  logger.error("no worker serves and none can be started: giving up");
  stopping.set();
  return false;
}

function signalAll(signal: NodeJS.Signals): void {
  for (const worker of Object.values(cluster.workers ?? {})) worker?.process.kill(signal);
}

/** Told a second time: nobody waits for replies any more. */
function abandon(): void {
  signalAll("SIGKILL");
  process.exit(1);
}
