import { spawn } from "node:child_process";
import { once } from "node:events";
import { cp, mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Duplex } from "node:stream";
import { expect, inject, test } from "vitest";
import { openDatabase } from "./database.ts";
import { openEmbedded } from "./embedded.ts";
import { encodeQuery } from "./wire-protocol.ts";

const settings = { poolSize: 4, prepare: true };

test("a new database is made whole, and is there after a restart, for one process at a time", async () => {
  await using directory = await makeDirectory();
  // What a process leaves that was killed while it made the database.
  await mkdir(join(directory.path, "database.unfinished"));
  await writeFile(join(directory.path, "database.unfinished", "PG_VERSION"), "18");
  const first = await openDatabase({ ...settings, dataDir: directory.path });
  await first.sql`create table fruit (name text)`;
  await first.sql`insert into fruit (name) values ('apple')`;
  await expect(openDatabase({ ...settings, dataDir: directory.path })).rejects.toThrow(
    "another Keyplane process is using it",
  );
  await first.close();

  const second = await openDatabase({ ...settings, dataDir: directory.path });
  expect(await second.sql`select name from fruit`).toEqual([{ name: "apple" }]);
  await second.close();
  expect(await readdir(directory.path)).toEqual(["database"]);
});

test("what was committed survives the kill of its process, and nothing else does", async () => {
  await using directory = await makeDirectory();
  await cp(inject("embeddedTemplate"), directory.path, { recursive: true });
  const child = spawnWriter(directory.path);
  const exited = once(child, "exit");
  await once(createInterface({ input: child.stdout }), "line");
  child.kill("SIGKILL");
  await exited;

  const database = await openDatabase({ ...settings, dataDir: directory.path });
  expect(await database.sql`select count(*) as count from fruit`).toEqual([{ count: 1000n }]);
  await database.close();
});

test("connections share the engine without getting in each other's way", async () => {
  const embedded = await openEmbedded("memory://");
  const [leaver, stayer] = [connect(embedded.socket()), connect(embedded.socket())];
  expect(await leaver.ask(startup)).toContain("Z\0\0\0\u0005I");
  await stayer.ask(startup);

  await leaver.ask(encodeQuery("create table fruit (name text)"));
  expect(await leaver.ask(encodeQuery("begin; insert into fruit (name) values ('apple')"))).toMatch(
    /Z....T$/s,
  );
  const count = stayer.ask(encodeQuery("select 'fruits: ' || count(*) from fruit"));
  leaver.socket.destroy();
  expect(await count).toContain("fruits: 0");

  const lost = connect(embedded.socket());
  const closed = once(lost.socket, "close");
  await lost.ask(startup);
  expect(await lost.ask(Buffer.from([0x51, 0, 0, 0, 0]))).toContain("FATAL");
  await closed;
  expect(await stayer.ask(encodeQuery("select 'still here'"))).toContain("still here");

  const plain = connect(embedded.socket()).socket;
  plain.write(sslRequest);
  expect(String(await once(plain, "data"))).toBe("N");
  const declined = once(plain, "close");
  plain.write(cancelRequest);
  await declined;

  const ended = once(stayer.socket, "close");
  await embedded.close();
  await ended;
  await expect(once(embedded.socket(), "connect")).rejects.toThrow("it has ended");
});

const startup = Buffer.from("\0\0\0\u0017\0\u0003\0\0user\0postgres\0\0", "latin1");

const sslRequest = Buffer.from([0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f]);
const cancelRequest = Buffer.from([0, 0, 0, 16, 0x04, 0xd2, 0x16, 0x2e, 0, 0, 0, 1, 0, 0, 0, 1]);
const readyForQuery = /Z....[ITE]$/s;

/** Speaks the protocol by hand, to do what postgres.js would not. */
function connect(socket: Duplex) {
  let answer = "";
  socket.on("data", (bytes: Buffer) => (answer += bytes.toString("latin1")));
  const ask = async (message: Uint8Array) => {
    answer = "";
    socket.write(message);
    while (!readyForQuery.test(answer) && !answer.includes("FATAL")) await once(socket, "data");
    return answer;
  };
  return { socket, ask };
}

/** Commits a thousand rows, begins a transaction that it never ends, and says so. */
function spawnWriter(directory: string) {
  const module = JSON.stringify(new URL("./database.ts", import.meta.url).href);
  const program = `
    const { openDatabase } = (await import(${module})).default;
    const { sql } = await openDatabase({ dataDir: ${JSON.stringify(directory)}, poolSize: 1, prepare: true });
    await sql\`create table fruit (id int)\`;
    await sql\`insert into fruit (id) select generate_series(1, 1000)\`;
    await sql.begin(async (tx) => {
      await tx\`insert into fruit (id) select generate_series(1, 1000)\`;
      console.log("written");
      await new Promise((resolve) => setTimeout(resolve, 60_000));
    });`;
  return spawn(
    process.execPath,
    ["--import", "jiti/register", "--input-type=module", "--eval", program],
    { stdio: ["ignore", "pipe", "inherit"] },
  );
}

async function makeDirectory(): Promise<{ path: string } & AsyncDisposable> {
  const path = await mkdtemp(join(tmpdir(), "keyplane-embedded-"));
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) };
}
