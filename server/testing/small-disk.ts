import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { run } from "./command.ts";

/** A disk of so few bytes that a test can fill it. Undefined where none can be mounted, as without being root. */
export async function smallDisk(
  kilobytes = 128,
): Promise<({ path: string } & AsyncDisposable) | undefined> {
  const path = await mkdtemp(join(tmpdir(), "keyplane-disk-"));
  try {
    await run("mount", ["-t", "tmpfs", "-o", `size=${kilobytes}k`, "tmpfs", path]);
  } catch {
    await rm(path, { recursive: true });
    return undefined;
  }
  const dispose = async () => {
    await run("umount", ["-l", path]);
    await rm(path, { recursive: true });
  };
  return { path, [Symbol.asyncDispose]: dispose };
}
