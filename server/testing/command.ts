import { execFile } from "node:child_process";
import { promisify } from "node:util";
import type { Account } from "./unprivileged-account.ts";

const execute = promisify(execFile);

/** Runs a program to its end and returns what it printed. @throws Error with its complaint when it fails. */
export async function run(
  program: string,
  parameters: string[],
  account?: Account,
): Promise<string> {
  const { stdout } = await execute(program, parameters, { ...account, cwd: "/" });
  return stdout.trim();
}
