import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdtemp, readdir, realpath, rename, rm, symlink } from "node:fs/promises";
import { connect, createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";

export interface DirectoryLock {
  /** Lets the next process have the directory. Safe to call twice. */
  release(): Promise<void>;
}

/** Another living process, or another part of this one, holds the directory. */
export class DirectoryInUse extends Error {
  override readonly name = "DirectoryInUse";

  constructor(directory: string) {
    super(`Cannot open the data directory "${directory}": another Keyplane process is using it`);
  }
}

const heldPrefix = ".lock-";
const pendingPrefix = ".lockpending-";
/** sockaddr_un holds 104 bytes on macOS and 108 on Linux, the closing zero included. */
const longestSocketPath = 100;
const attempts = 5;

/**
 * Takes a directory for this process, until it is released or the process ends, however it ends.
 *
 * The lock is a Unix socket in the directory with this process listening on it. The kernel drops the listener
 * with the process, so nothing has to be cleaned up after a `kill -9`, which a pid file cannot say of itself
 * (pids are used again). An abstract or temporary-directory socket would not be seen from another container that
 * mounts the same volume; a socket in the directory is.
 *
 * Two starting at once cannot both win, because each shows its own socket before it looks for others: whoever
 * shows second sees the first. Every socket has a name of its own, so removing a dead one can never remove a
 * living one. Both may see each other and step back; they try again after a random pause.
 *
 * It does not reach across machines: a directory on a network file system must be used from one of them only.
 *
 * @throws DirectoryInUse
 */
export async function lockDirectory(directory: string): Promise<DirectoryLock> {
  const reachable = await shortPath(await realpath(directory));
  try {
    for (let attempt = 1; attempt <= attempts; attempt += 1) {
      const lock = await attemptLock(reachable.path, directory);
      if (lock) return lock;
      await delay(Math.random() * 20 * attempt);
    }
  } finally {
    await reachable.forget();
  }
  throw new DirectoryInUse(directory);
}

async function attemptLock(path: string, directory: string): Promise<DirectoryLock | undefined> {
  const id = randomBytes(8).toString("hex");
  const server = await listen(join(path, pendingPrefix + id));
  const name = heldPrefix + id;
  try {
    // Under its final name it has always been listening, so a socket of that kind that refuses is dead for good.
    await rename(join(path, pendingPrefix + id), join(path, name));
    if (!(await othersAlive(path, name)))
      return { release: () => letGo(server, join(directory, name)) };
  } catch (error) {
    await letGo(server, join(path, name));
    throw error;
  }
  await letGo(server, join(path, name));
  return undefined;
}

async function othersAlive(path: string, own: string): Promise<boolean> {
  const names = (await readdir(path)).filter((name) => name.startsWith(heldPrefix) && name !== own);
  for (const name of names) {
    if (await isListening(join(path, name))) return true;
    await rm(join(path, name), { force: true });
  }
  return false;
}

async function listen(path: string): Promise<Server> {
  // Exclusive: in a worker of a cluster another process would listen in its place, and the lock outlive or not reach it.
  const server = createServer((visitor) => visitor.destroy()).listen({ path, exclusive: true });
  await once(server, "listening");
  server.unref();
  return server;
}

async function isListening(path: string): Promise<boolean> {
  const socket = connect(path);
  try {
    await once(socket, "connect");
    return true;
  } catch (error) {
    const code = error instanceof Error && "code" in error ? error.code : undefined;
    // Anything else, a full backlog for one, is a sign of life.
    return code !== "ECONNREFUSED" && code !== "ENOENT";
  } finally {
    socket.destroy();
  }
}

async function letGo(server: Server, path: string): Promise<void> {
  await rm(path, { force: true });
  if (server.listening) await new Promise((resolve) => server.close(resolve));
}

/** A path that fits into a socket address: the directory itself, or a short link to it while the lock is taken. */
async function shortPath(directory: string): Promise<{ path: string; forget(): Promise<void> }> {
  const name = `${pendingPrefix}${"0".repeat(16)}`;
  if (Buffer.byteLength(join(directory, name)) <= longestSocketPath)
    return { path: directory, forget: async () => {} };
  const folder = await mkdtemp(join(tmpdir(), "keyplane-"));
  await symlink(directory, join(folder, "d"));
  return { path: join(folder, "d"), forget: () => rm(folder, { recursive: true }) };
}
