import { chmod, mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { newSecret } from "./secrets.ts";

export interface MasterKey {
  readonly key: string;
  /** The file that holds it, where it was generated. */
  readonly path?: string;
}

/** The master key that the config names; for `generate` the one in the data directory, made at the first start. */
export async function resolveMasterKey(configured: string | undefined, dataDir: string): Promise<MasterKey | undefined> {
  if (configured === undefined) return undefined;
  if (configured !== "generate") return { key: configured };
  await mkdir(dataDir, { recursive: true, mode: 0o700 });
  const path = join(dataDir, "master_key");
  // Exclusive: of two processes that start at once, one makes the key and the other reads it.
  await writeFile(path, `${newSecret()}\n`, { flag: "wx", mode: 0o600 }).catch(ignoreExisting);
  await chmod(path, 0o600);
  const key = (await readFile(path, "utf8")).trim();
  if (key === "") throw new Error(`Cannot use the master key in ${path}: the file is empty`);
  return { key, path };
}

function ignoreExisting(error: NodeJS.ErrnoException): void {
  if (error.code !== "EEXIST") throw error;
}
