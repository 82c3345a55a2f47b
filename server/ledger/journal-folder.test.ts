import { readdirSync } from "node:fs";
import { mkdir, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { uuidv7 } from "../uuid.ts";
import { DirectoryInUse, lockDirectory } from "../store/directory-lock.ts";
import { temporaryDirectory } from "../testing/gateway-process.ts";
import {
  claimOrphans,
  createJournalFolder,
  removeJournalFolder,
  segmentsOf,
} from "./journal-folder.ts";

/** What a process leaves that was killed: its folder, which nobody holds. */
async function leaveBehind(root: string, files: Record<string, string> = {}): Promise<string> {
  const id = uuidv7();
  await mkdir(join(root, id));
  for (const [name, text] of Object.entries(files)) await writeFile(join(root, id, name), text);
  return id;
}

test("a folder is its process' alone, and taken over only once that is dead", async () => {
  await using root = await temporaryDirectory();
  const own = await createJournalFolder(root.path, uuidv7());
  const dead = await leaveBehind(root.path);

  await expect(lockDirectory(own.path)).rejects.toBeInstanceOf(DirectoryInUse);
  const claimed = await claimOrphans(root.path);
  expect(claimed.map(({ replicaId }) => replicaId)).toEqual([dead]);
  expect(await claimOrphans(root.path)).toEqual([]);

  for (const { lock } of [own, ...claimed]) await lock.release();
  const again = await claimOrphans(root.path);
  expect(again.map(({ replicaId }) => replicaId).toSorted()).toEqual(
    [own.replicaId, dead].toSorted(),
  );
  for (const { lock } of again) await lock.release();
});

test("what is not a replica's folder is left alone", async () => {
  await using root = await temporaryDirectory({ "notes.txt": "by a person" });
  await mkdir(join(root.path, "aside"));
  expect(await claimOrphans(root.path)).toEqual([]);
});

test("segments are those of the journal, oldest first", async () => {
  await using root = await temporaryDirectory();
  await leaveBehind(root.path, {
    "00000010.journal": "",
    "00000009.journal": "",
    "00000009.journal.corrupt": "",
  });
  const [folder] = await claimOrphans(root.path);
  if (!folder) throw new Error("Cannot claim what was left behind");
  expect(await segmentsOf(folder)).toEqual(["00000009.journal", "00000010.journal"]);
  await folder.lock.release();
});

test("an ended journal is gone, but for copies of what was corrupt in it", async () => {
  await using root = await temporaryDirectory();
  const id = await leaveBehind(root.path, {
    "1.journal": "",
    "1.journal.corrupt": "what was left",
  });
  const [folder] = await claimOrphans(root.path);
  if (folder) await removeJournalFolder(root.path, folder);
  expect(await readdir(root.path)).toEqual(["aside"]);
  expect(await readdir(join(root.path, "aside"))).toEqual([`${id}-1.journal.corrupt`]);
});

test("of several that look for what was left, at once and while it is removed, one gets each and nobody stumbles", async () => {
  await using root = await temporaryDirectory();
  for (let round = 0; round < 5; round += 1) {
    const left = await Promise.all(Array.from({ length: 4 }, () => leaveBehind(root.path)));
    const taken: string[] = [];
    const takeAll = async () => {
      const folders = await claimOrphans(root.path);
      for (const folder of folders) {
        taken.push(folder.replicaId);
        expect(readdirSync(folder.path)).toBeDefined();
        await removeJournalFolder(root.path, folder);
      }
    };
    await Promise.all(Array.from({ length: 4 }, takeAll));
    // All may have stepped back from one that each saw another hold.
    await takeAll();
    expect(taken.toSorted()).toEqual(left.toSorted());
    expect(await readdir(root.path)).toEqual([]);
  }
});

test("one that is being made is taken by nobody else", async () => {
  await using root = await temporaryDirectory();
  for (let round = 0; round < 10; round += 1) {
    const making = Promise.all(
      Array.from({ length: 3 }, () => createJournalFolder(root.path, uuidv7())),
    );
    const claims = [];
    for (let look = 0; look < 5; look += 1) {
      claims.push(claimOrphans(root.path));
      await new Promise(setImmediate);
    }
    const made = await making;
    expect((await Promise.all(claims)).flat()).toEqual([]);
    for (const folder of made) {
      expect(await segmentsOf(folder)).toEqual([]);
      await removeJournalFolder(root.path, folder);
    }
  }
});
