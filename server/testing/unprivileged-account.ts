import { run } from "./command.ts";

export interface Account {
  readonly uid: number;
  readonly gid: number;
}

/** Postgres refuses to run as root: the account to run it under then, else undefined. */
export async function unprivilegedAccount(): Promise<Account | undefined> {
  if (process.getuid?.() !== 0) return undefined;
  return (await accountOf("postgres")) ?? (await accountOf("nobody"));
}

async function accountOf(name: string): Promise<Account | undefined> {
  try {
    return {
      uid: Number(await run("id", ["-u", name])),
      gid: Number(await run("id", ["-g", name])),
    };
  } catch {
    return undefined;
  }
}
