import { chmod, mkdtemp, readFile, rm, statfs } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

const memory = "/dev/shm";

/** A run has some hundred megabytes of files at a time. */
const enoughBytes = 4 * 1024 ** 3;

/**
 * Makes one directory for all that a run writes, in memory where there is room, and has every process that is started from
 * here on take it for the system's temporary one. A run makes and removes a thousand databases of hundreds of files each, and
 * ext4 is slow to give out what was freed a moment ago: in memory the whole run took 425 s instead of 555. Whoever sets
 * `TMPDIR` decides otherwise.
 */
export async function useScratchDirectory(): Promise<{ remove(): Promise<void> }> {
  const parent = !process.env["TMPDIR"] && (await isRoomy(memory)) ? memory : tmpdir();
  const directory = await mkdtemp(join(parent, "keyplane-tests-"));
  // Servers run under an account of their own.
  await chmod(directory, 0o755);
  process.env["TMPDIR"] = directory;
  return { remove: () => rm(directory, { recursive: true, force: true }) };
}

/** Whether a file system is there, has room, and lets programs run: the packaged Postgres is copied to it. */
async function isRoomy(path: string): Promise<boolean> {
  try {
    const { bavail, bsize } = await statfs(path);
    if (bavail * bsize < enoughBytes) return false;
    const mounts = (await readFile("/proc/mounts", "utf8")).split("\n");
    const options = mounts.findLast((mount) => mount.split(" ")[1] === path)?.split(" ")[3];
    return options !== undefined && !options.split(",").includes("noexec");
  } catch {
    return false;
  }
}
