#!/usr/bin/env node
import cluster from "node:cluster";
import type { Config } from "../shared/config.ts";
import { type Arguments, parseArguments, usage } from "./arguments.ts";
import { type ConfigReading, formatNote, loadConfig } from "./config.ts";
import { createDeps, openConfigured } from "./deps.ts";
import { fitHeap, keepTickShape } from "./heap.ts";
import { createLogger, type Logger } from "./log.ts";
import { isLoopback } from "./loopback.ts";
import { version } from "./package.ts";
import { alone, asWorker, type Role } from "./role.ts";
import { serve } from "./serve.ts";
import { verify } from "./store/verify.ts";
import { describeVerification, startSummary } from "./summary.ts";
import { assertShareable, runWorkers } from "./workers.ts";

fitHeap({ isCrowded: false });
keepTickShape();
try {
  const given = parseArguments(process.argv.slice(2));
  process.exitCode = await run(given);
  // All is written down by now: what is still open, such as a worker's line to who started it, is not waited for.
  if (given.command === "serve") process.exit();
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(1);
}

async function run(given: Arguments): Promise<number> {
  switch (given.command) {
    case "help":
      process.stdout.write(usage);
      return 0;
    case "version":
      process.stdout.write(`${version}\n`);
      return 0;
    case "check":
      return check(given);
    case "verify":
      return prove(given);
    case "serve":
      return start(given);
  }
}

async function check({ config: file }: Arguments): Promise<number> {
  const reading = await loadConfig(file);
  process.stdout.write(notesOf(file, reading));
  if (reading.ok) process.stdout.write(`${file} is good\n`);
  return reading.ok ? 0 : 1;
}

/** Whether every sum in the database is that of its rows. */
async function prove({ config: file, dataDir }: Arguments): Promise<number> {
  const reading = await loadConfig(file);
  if (!reading.ok) process.stderr.write(notesOf(file, reading));
  if (!reading.ok) return 1;
  const database = await openConfigured(reading.config, dataDir);
  const verification = await verify(database.sql).finally(() => database.close());
  process.stdout.write(describeVerification(verification));
  return verification.differences.length === 0 ? 0 : 1;
}

function notesOf(file: string, reading: ConfigReading): string {
  const faults = reading.ok ? [] : reading.faults.map((note) => `${formatNote(file, note)}\n`);
  return [
    ...faults,
    ...reading.warnings.map(
      (note) => `${formatNote(file, { ...note, message: `warning: ${note.message}` })}\n`,
    ),
  ].join("");
}

async function start(given: Arguments): Promise<number> {
  const worker = given.workers > 1 ? cluster.worker : undefined;
  const reading = await loadConfig(given.config);
  // Who started a worker has shown the warnings.
  if (!worker || !reading.ok) process.stderr.write(notesOf(given.config, reading));
  if (!reading.ok) return 1;
  const { config } = reading;
  assertGuarded(config, given);
  const logger = createLogger({ verbose: config.litellm_settings.set_verbose });
  if (worker) return serveAs(asWorker(worker), { config, given, logger });
  if (given.workers === 1) return serveAs(alone(), { config, given, logger });
  assertShareable(config, given.workers);
  return runWorkers(given.workers, logger);
}

function assertGuarded({ general_settings: general }: Config, given: Arguments): void {
  const isOpen = general.master_key === undefined && general.custom_auth === undefined;
  if (isOpen && !isLoopback(given.host) && !given.allowUnauthenticated)
    throw new Error(
      `Cannot listen on ${given.host} without a master key, since every caller is then the admin: set general_settings.master_key, or give --allow-unauthenticated`,
    );
}

interface Service {
  readonly config: Config;
  readonly given: Arguments;
  readonly logger: Logger;
}

/** Serves until it is told to stop. */
async function serveAs(role: Role, { config, given, logger }: Service): Promise<number> {
  const { stopping } = role;
  const deps = await createDeps({
    config,
    dataDir: given.dataDir,
    logger,
    isDraining: () => stopping.isSet,
  });
  const readMetrics = role.shareMetrics(deps.gateway.metrics);
  const isOpen = deps.isOpen && isLoopback(given.host);
  const serving = await serve({ ...deps, readMetrics, isOpen }, given).catch(
    async (error: unknown) => {
      await deps.close();
      throw error;
    },
  );
  role.announce(startSummary(deps, serving.url));
  await stopping.promise;
  await serving.drain();
  await deps.close();
  return 0;
}
