import { randomUUID } from "node:crypto";
import { chmod, link, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { newSecret } from "./secrets.ts";

export interface MasterKey {
  readonly key: string;
  /** The file that holds it, where it was generated. */
  readonly path?: string;
}

/** The master key that the config names; for `generate` the one in the data directory, made at the first start. */
export async function resolveMasterKey(
  configured: string | undefined,
  dataDir: string,
): Promise<MasterKey | undefined> {
  if (configured === undefined) return undefined;
  if (configured !== "generate") return { key: configured };
  await mkdir(dataDir, { recursive: true, mode: 0o700 });
  const path = join(dataDir, "master_key");
  await makeOnce(path);
  await chmod(path, 0o600);
  const key = (await readFile(path, "utf8")).trim();
  if (key === "") throw new Error(`Cannot use the master key in ${path}: the file is empty`);
  return { key, path };
}

/**
 * Written elsewhere and linked to its name: of two processes that start at once one makes the key and the other reads
 * it, never half of it, and one that is killed here leaves no empty file behind.
 */
async function makeOnce(path: string): Promise<void> {
  const unfinished = `${path}.${randomUUID()}`;
  await writeFile(unfinished, `${newSecret()}\n`, { mode: 0o600 });
  await link(unfinished, path)
    .catch(ignoreExisting)
    .finally(() => rm(unfinished));
}

function ignoreExisting(error: NodeJS.ErrnoException): void {
  if (error.code !== "EEXIST") throw error;
}
