import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, readdir, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { expect, test } from "vitest";
import { DirectoryInUse, lockDirectory } from "./directory-lock.ts";

test("a directory is held until it is released", async () => {
  await using directory = await makeDirectory();
  const lock = await lockDirectory(directory.path);
  await expect(lockDirectory(directory.path)).rejects.toThrow(
    `Cannot open the data directory "${directory.path}": another Keyplane process is using it`,
  );
  await lock.release();
  await lock.release();
  const again = await lockDirectory(directory.path);
  await again.release();
  expect(await readdir(directory.path)).toEqual([]);
});

test("another name of the same directory is the same directory", async () => {
  await using directory = await makeDirectory();
  await using other = await makeDirectory();
  await symlink(directory.path, join(other.path, "link"));
  const lock = await lockDirectory(directory.path);
  await expect(lockDirectory(join(other.path, "link"))).rejects.toBeInstanceOf(DirectoryInUse);
  await lock.release();
});

test("a directory whose path is longer than a socket address can be held", async () => {
  await using directory = await makeDirectory();
  const deep = join(directory.path, "d".repeat(100), "e".repeat(100));
  await mkdir(deep, { recursive: true });
  const lock = await lockDirectory(deep);
  await expect(lockDirectory(deep)).rejects.toBeInstanceOf(DirectoryInUse);
  await lock.release();
  expect(await readdir(deep)).toEqual([]);
});

test("another process is refused, and gets the directory as soon as its owner is killed", async () => {
  await using directory = await makeDirectory();
  const owner = await startOwner(directory.path);
  expect(owner.outcome).toBe("locked");
  expect((await startOwner(directory.path)).outcome).toBe("DirectoryInUse");
  await expect(lockDirectory(directory.path)).rejects.toBeInstanceOf(DirectoryInUse);

  await owner.kill();

  const lock = await lockDirectory(directory.path);
  await lock.release();
});

test("of many that start at once on what a killed process left, at most one gets it", async () => {
  await using directory = await makeDirectory();
  await (await startOwner(directory.path)).kill();
  for (let round = 0; round < 20; round += 1) {
    const outcomes = await Promise.allSettled(
      Array.from({ length: 8 }, () => lockDirectory(directory.path)),
    );
    const locks = outcomes.flatMap((outcome) =>
      outcome.status === "fulfilled" ? [outcome.value] : [],
    );
    expect(locks.length).toBeLessThanOrEqual(1);
    for (const lock of locks) await lock.release();
  }
});

async function startOwner(directory: string): Promise<{ outcome: string; kill(): Promise<void> }> {
  const module = JSON.stringify(new URL("./directory-lock.ts", import.meta.url).href);
  const program = `
    const { lockDirectory } = (await import(${module})).default;
    const outcome = await lockDirectory(${JSON.stringify(directory)}).then(() => "locked", (error) => error.name);
    console.log(outcome);
    if (outcome === "locked") setInterval(() => {}, 1000);`;
  const loader = "jiti/register";
  const child = spawn(
    process.execPath,
    ["--import", loader, "--input-type=module", "--eval", program],
    {
      stdio: ["ignore", "pipe", "inherit"],
    },
  );
  const exited = once(child, "exit");
  const [outcome] = await once(createInterface({ input: child.stdout }), "line");
  const kill = async () => {
    child.kill("SIGKILL");
    await exited;
  };
  return { outcome: String(outcome), kill };
}

async function makeDirectory(): Promise<{ path: string } & AsyncDisposable> {
  const path = await mkdtemp(join(tmpdir(), "keyplane-lock-"));
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) };
}
