import { existsSync } from "node:fs";
import { mkdir, readdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { DirectoryInUse, type DirectoryLock, lockDirectory } from "../store/directory-lock.ts";

/** Where the journals of a data directory are: a folder for each replica, with the replica's id for its name. */
export interface JournalFolder {
  readonly path: string;
  readonly replicaId: string;
  /** Held by the process that writes there, or reads what a dead one left; it ends with that process. */
  readonly lock: DirectoryLock;
}

/** What the first line of a segment says. */
export interface JournalHeader {
  readonly journal: 1;
  readonly replica: string;
  /** The database that the rows belong to. */
  readonly database: string;
}

const asideName = "aside";

const isReplicaId = (name: string) => /^[0-9a-f-]{36}$/.test(name);

/** Held before it has its name: another process that starts would take it for one that was left behind. */
export async function createJournalFolder(root: string, replicaId: string): Promise<JournalFolder> {
  const path = join(root, replicaId);
  const unnamed = join(root, `new-${replicaId}`);
  await mkdir(unnamed, { recursive: true, mode: 0o700 });
  const lock = await lockDirectory(unnamed);
  await rename(unnamed, path);
  return { path, replicaId, lock };
}

/** Takes over the folders of replicas that are dead. One that another process takes at the same time is left to it. */
export async function claimOrphans(root: string): Promise<JournalFolder[]> {
  const names = (await readdir(root)).filter(isReplicaId);
  const claimed = await Promise.all(names.map((name) => claim(root, name)));
  return claimed.filter((folder) => folder !== undefined);
}

async function claim(root: string, replicaId: string): Promise<JournalFolder | undefined> {
  const path = join(root, replicaId);
  try {
    const lock = await lockDirectory(path);
    // Whoever held it may have ended it meanwhile.
    if (existsSync(path)) return { path, replicaId, lock };
    await lock.release();
    return undefined;
  } catch (error) {
    // In that case a socket that was to be made there is not always reported as a missing file.
    if (error instanceof DirectoryInUse || !existsSync(path)) return undefined;
    throw error;
  }
}

/** Names of a folder's segments, oldest first. */
export async function segmentsOf({ path }: JournalFolder): Promise<string[]> {
  const names = (await readdir(path)).filter((name) => name.endsWith(".journal"));
  return names.toSorted();
}

/** Moves a file to where nothing reads it but a person. @returns where */
export async function setAside(root: string, folder: JournalFolder, name: string): Promise<string> {
  const aside = join(root, asideName);
  await mkdir(aside, { recursive: true, mode: 0o700 });
  const path = join(aside, `${folder.replicaId}-${name}`);
  await rename(join(folder.path, name), path);
  return path;
}

/** Ends a journal whose rows are all in the database. What was copied for a person to look at is kept with the rest of its kind. */
export async function removeJournalFolder(root: string, folder: JournalFolder): Promise<void> {
  const corrupt = (await readdir(folder.path)).filter((name) => name.endsWith(".corrupt"));
  for (const name of corrupt) await setAside(root, folder, name);
  // Nobody who looks for journals may find it half removed, or take it between its release and its end.
  const ended = join(root, `ended-${folder.replicaId}`);
  await rename(folder.path, ended);
  await rm(ended, { recursive: true, force: true });
  await folder.lock.release();
}
