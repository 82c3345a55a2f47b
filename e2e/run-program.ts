import { spawn } from "node:child_process";
import { once } from "node:events";

export interface ProgramSettings {
  readonly directory: string;
  /** The only variables that it sees. */
  readonly environment: Readonly<Record<string, string>>;
  /** When it is ended, with all that it started. */
  readonly limitMs: number;
}

export interface Ended {
  /** Undefined when its time was up, or a signal ended it. */
  readonly code: number | undefined;
  /** What it printed, on both of its streams. */
  readonly said: string;
  readonly afterMs: number;
}

/** Runs a program to its end, in a process group of its own. */
export async function runProgram(
  program: string,
  words: readonly string[],
  { directory, environment, limitMs }: ProgramSettings,
): Promise<Ended> {
  const startedMs = performance.now();
  const child = spawn(program, words, {
    cwd: directory,
    env: { ...environment },
    stdio: ["ignore", "pipe", "pipe"],
    detached: true,
  });
  let said = "";
  const listen = (chunk: Buffer) => void (said += chunk.toString());
  child.stdout.on("data", listen);
  child.stderr.on("data", listen);
  const ended = once(child, "close");
  const limit = setTimeout(() => endGroup(child.pid), limitMs);
  const [code] = (await ended) as [number | null];
  clearTimeout(limit);
  return { code: code ?? undefined, said, afterMs: performance.now() - startedMs };
}

export function lastLine(text: string): string {
  return text.trim().split("\n").at(-1) ?? "";
}

/** The group bears the id of the program that began it. */
function endGroup(pid: number | undefined): void {
  if (pid !== undefined) process.kill(-pid, "SIGKILL");
}
