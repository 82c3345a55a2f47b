import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import type { Agent } from "./agent.ts";
import { lastLine, runProgram } from "./run-program.ts";

/** Installs an agent into a folder of its own there. @returns its program, or why it cannot run on this machine */
export async function install(
  agent: Agent,
  directory: string,
): Promise<{ readonly program: string } | { readonly reason: string }> {
  const home = join(directory, agent.program);
  await mkdir(home);
  const environment = Object.fromEntries(
    Object.entries(process.env).flatMap(([name, value]) =>
      value === undefined ? [] : [[name, value]],
    ),
  );
  const settings = { directory: home, environment, limitMs: 300_000 };
  const words = ["install", "--prefix", home, "--no-audit", "--no-fund", agent.package];
  const installed = await runProgram("npm", words, settings);
  if (installed.code !== 0) return { reason: `npm: ${lastLine(installed.said)}` };
  const program = join(home, "node_modules/.bin", agent.program);
  const asked = await runProgram(program, ["--version"], { ...settings, limitMs: 60_000 });
  if (asked.code !== 0) return { reason: lastLine(asked.said) };
  return { program };
}
