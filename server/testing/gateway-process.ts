import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { inject } from "vitest";
import { packageRoot } from "../package.ts";
import { run } from "./command.ts";

const program = join(packageRoot, "dist/server/main.js");

/** How a process ended, and all that it said. */
export interface Ending {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface ProcessSettings {
  /** Where it runs; a folder of its own unless given, which goes with it. */
  readonly directory?: string;
  /** The only variables that it sees. */
  readonly environment?: Readonly<Record<string, string>>;
}

/** The compiled program as a process of its own. It ends with the block that holds it: `await using`. */
export interface GatewayProcess extends AsyncDisposable {
  readonly url: string;
  readonly directory: string;
  /** Sends the signal and waits for the end. */
  stop(signal?: NodeJS.Signals): Promise<Ending>;
  /** How it ended, once it has, whoever ended it. */
  readonly ended: Promise<Ending>;
  /** What it has said until now, on both of its streams. */
  said(): string;
}

/** A folder that goes with the block that holds it, and the files in it. */
export async function temporaryDirectory(files: Readonly<Record<string, string>> = {}) {
  const path = await mkdtemp(join(tmpdir(), "keyplane-process-"));
  for (const [name, text] of Object.entries(files)) await writeFile(join(path, name), text);
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) };
}

/** Runs `keyplane` with these words to its end. */
export async function runKeyplane(
  words: readonly string[],
  settings: ProcessSettings = {},
): Promise<Ending> {
  const directory = settings.directory ?? tmpdir();
  return launch(words, { ...settings, directory }).ended;
}

/** Starts `keyplane` on a free port and waits until it listens. @throws Error with what it said, when it ends instead. */
export async function startGatewayProcess(
  config: string,
  words: readonly string[] = [],
  settings: ProcessSettings = {},
): Promise<GatewayProcess> {
  const own = settings.directory === undefined ? await directoryWithDatabase() : undefined;
  const directory = settings.directory ?? own?.path ?? tmpdir();
  await writeFile(join(directory, "config.yaml"), config);
  const running = launch(["--port", "0", ...words], { ...settings, directory });
  const dispose = async () => {
    running.child.kill("SIGKILL");
    await running.ended;
    await own?.[Symbol.asyncDispose]();
  };
  try {
    const url = await running.listening;
    const stop = (signal: NodeJS.Signals = "SIGTERM") => {
      running.child.kill(signal);
      return running.ended;
    };
    return {
      url,
      directory,
      stop,
      ended: running.ended,
      said: running.said,
      [Symbol.asyncDispose]: dispose,
    };
  } catch (error) {
    await dispose();
    throw error;
  }
}

/** Making an embedded database takes seconds: a process that need not do it itself finds a copy. */
async function directoryWithDatabase() {
  const directory = await temporaryDirectory();
  const dataDir = join(directory.path, ".keyplane");
  await mkdir(dataDir, { mode: 0o700 });
  await run("cp", ["-R", join(inject("embeddedTemplate"), "database"), dataDir]);
  return directory;
}

interface Running {
  readonly child: ChildProcess;
  readonly ended: Promise<Ending>;
  /** The address that it says it listens on. */
  readonly listening: Promise<string>;
  said(): string;
}

function launch(
  words: readonly string[],
  { directory, environment = {} }: ProcessSettings & { directory: string },
): Running {
  if (!existsSync(program))
    throw new Error("Cannot start keyplane: it is not compiled; npm run build does that");
  const child = spawn(process.execPath, [program, ...words], {
    cwd: directory,
    env: { ...environment },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const text = { stdout: "", stderr: "" };
  const said = () => text.stdout + text.stderr;
  const ended = once(child, "close").then(
    ([code, signal]) => ({ code, signal, ...text }) as Ending,
  );
  const listening = new Promise<string>((resolve, reject) => {
    child.stdout.on("data", (chunk: Buffer) => {
      text.stdout += chunk.toString();
      const [, url] = /listens on (\S+)\n/.exec(text.stdout) ?? [];
      if (url) resolve(url);
    });
    void ended.then(() => reject(new Error(`keyplane ended before it listened:\n${said()}`)));
  });
  // A process that is meant to fail has nobody who waits for it to listen.
  listening.catch(() => undefined);
  child.stderr.on("data", (chunk: Buffer) => {
    text.stderr += chunk.toString();
  });
  return { child, ended, listening, said };
}
