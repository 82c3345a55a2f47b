#!/usr/bin/env node
import { type Arguments, parseArguments, usage } from "./arguments.ts";
import { type ConfigReading, formatNote, loadConfig } from "./config.ts";
import { createDeps } from "./deps.ts";
import { keepHeapSmall } from "./heap.ts";
import { createLogger } from "./log.ts";
import { isLoopback } from "./loopback.ts";
import { version } from "./package.ts";
import { serve } from "./serve.ts";
import { startSummary } from "./summary.ts";

keepHeapSmall();
try {
  process.exitCode = await run(parseArguments(process.argv.slice(2)));
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
  const reading = await loadConfig(given.config);
  process.stderr.write(notesOf(given.config, reading));
  if (!reading.ok) return 1;
  const { config } = reading;
  const logger = createLogger({ verbose: config.litellm_settings.set_verbose });
  const stopping = stopSignal();
  const isOpen =
    config.general_settings.master_key === undefined &&
    config.general_settings.custom_auth === undefined;
  if (isOpen && !isLoopback(given.host) && !given.allowUnauthenticated)
    throw new Error(
      `Cannot listen on ${given.host} without a master key, since every caller is then the admin: set general_settings.master_key, or give --allow-unauthenticated`,
    );
  const deps = await createDeps({
    config,
    dataDir: given.dataDir,
    logger,
    isDraining: () => stopping.isSet,
  });
  const serving = await serve(
    { ...deps, isOpen: deps.isOpen && isLoopback(given.host) },
    given,
  ).catch(async (error: unknown) => {
    await deps.close();
    throw error;
  });
  process.stdout.write(startSummary(deps, serving.url));
  await stopping.promise;
  await serving.drain();
  await deps.close();
  return 0;
}

/** SIGTERM or SIGINT, the first of them; a second one ends the process at once. */
function stopSignal(): { readonly promise: Promise<void>; readonly isSet: boolean } {
  const state = { isSet: false };
  const promise = new Promise<void>((resolve) => {
    for (const signal of ["SIGTERM", "SIGINT"] as const)
      process.on(signal, () => {
        if (state.isSet) process.exit(1);
        state.isSet = true;
        resolve();
      });
  });
  return {
    promise,
    get isSet() {
      return state.isSet;
    },
  };
}
