import { expect, test, vi } from "vitest";
import { admin, type Caller } from "./caller.ts";
import { KeyCache } from "./key-cache.ts";

function callerOf(id: string, name = id): Caller {
  return { ...admin, isAdmin: false, id, name };
}

/** A store whose reads answer when the test says so, with what they would have read when they began. */
function slowStore(initial: Record<string, Caller> = {}) {
  const rows = new Map(Object.entries(initial));
  const reads: { hash: string; finish: () => void; fail: () => void }[] = [];
  const load = (hash: string) =>
    new Promise<Caller | undefined>((resolve, reject) => {
      const seen = rows.get(hash);
      reads.push({
        hash,
        finish: () => resolve(seen),
        fail: () => reject(new Error("the database is away")),
      });
    });
  return { rows, reads, cache: new KeyCache(load) };
}

test("a caller is read once and then at hand at once", async () => {
  const { reads, cache } = slowStore({ h1: callerOf("key_1") });

  const both = Promise.all([cache.find("h1"), cache.find("h1")]);
  reads[0]?.finish();

  expect(await both).toEqual([callerOf("key_1"), callerOf("key_1")]);
  expect(cache.find("h1")).toEqual(callerOf("key_1"));
  expect(reads).toHaveLength(1);
});

test("truth 10: a read that began before a change is not kept", async () => {
  const { rows, reads, cache } = slowStore({ h1: callerOf("key_1", "old") });
  const before = cache.find("h1");

  rows.set("h1", callerOf("key_1", "new"));
  cache.drop({ key_id: "key_1", secret_hash: null });
  reads[0]?.finish();
  expect(await before).toMatchObject({ name: "old" });

  const after = cache.find("h1");
  reads[1]?.finish();
  expect(await after).toMatchObject({ name: "new" });
  expect(cache.find("h1")).toMatchObject({ name: "new" });
});

test("truth 10: whoever asks after a change does not wait for the read that began before it", async () => {
  const { rows, reads, cache } = slowStore({ h1: callerOf("key_1", "old") });
  const before = cache.find("h1");
  rows.set("h1", callerOf("key_1", "new"));
  cache.drop({ key_id: "key_1", secret_hash: null });

  const after = cache.find("h1");
  reads[1]?.finish();

  expect(await after).toMatchObject({ name: "new" });
  // The older read ends last, and still does not replace what is fresh.
  reads[0]?.finish();
  await before;
  expect(cache.find("h1")).toMatchObject({ name: "new" });
  expect(reads).toHaveLength(2);
});

test("truth 10: a change of one key does not let an older read of another in", async () => {
  const { reads, cache } = slowStore({ h1: callerOf("key_1"), h2: callerOf("key_2") });
  const first = cache.find("h1");

  cache.clear();
  const second = cache.find("h2");
  reads[0]?.finish();
  reads[1]?.finish();
  await Promise.all([first, second]);

  expect(cache.find("h2")).toEqual(callerOf("key_2"));
  expect(cache.find("h1")).toBeInstanceOf(Promise);
});

test("a change drops every secret of its key and no other key", async () => {
  const { reads, cache } = slowStore({
    h1: callerOf("key_1"),
    h1b: callerOf("key_1"),
    h2: callerOf("key_2"),
  });
  await fill(cache, reads, ["h1", "h1b", "h2"]);

  cache.drop({ key_id: "key_1", secret_hash: null });

  expect(cache.find("h1")).toBeInstanceOf(Promise);
  expect(cache.find("h1b")).toBeInstanceOf(Promise);
  expect(cache.find("h2")).toEqual(callerOf("key_2"));
});

test("a secret that opens nothing is remembered until it comes into being", async () => {
  const { rows, reads, cache } = slowStore();
  await fill(cache, reads, ["h1", "h2"]);
  expect(cache.find("h1")).toBeUndefined();

  rows.set("h1", callerOf("key_1"));
  cache.drop({ key_id: "key_1", secret_hash: "h1" });

  const found = cache.find("h1");
  reads.at(-1)?.finish();
  expect(await found).toEqual(callerOf("key_1"));
  expect(cache.find("h2")).toBeUndefined();
});

test("a read that began before its key was made does not hide the key", async () => {
  const { rows, reads, cache } = slowStore();
  const before = cache.find("h1");
  rows.set("h1", callerOf("key_1"));
  cache.drop({ key_id: "key_1", secret_hash: "h1" });
  reads[0]?.finish();
  expect(await before).toBeUndefined();

  const after = cache.find("h1");
  reads[1]?.finish();
  expect(await after).toEqual(callerOf("key_1"));
});

test("of secrets that open nothing, ten thousand are remembered", async () => {
  const loads: string[] = [];
  const cache = new KeyCache(async (hash) => void loads.push(hash));
  for (let count = 0; count < 10_001; count += 1) await cache.find(`h${count}`);

  expect(cache.find("h10000")).toBeUndefined();
  expect(loads).toHaveLength(10_001);
  await cache.find("h0");
  expect(loads.at(-1)).toBe("h0");
});

test("a secret that opens nothing is looked up again after a moment", async () => {
  const loads: string[] = [];
  const cache = new KeyCache(async (hash) => void loads.push(hash));
  await cache.find("h1");
  const nowMs = performance.now();
  const clock = vi.spyOn(performance, "now").mockReturnValue(nowMs + 4_000);
  await cache.find("h1");
  expect(loads).toHaveLength(1);

  clock.mockReturnValue(nowMs + 6_000);
  // The cache keeps the time that it looked at for a millisecond.
  await vi.waitFor(async () => {
    await cache.find("h1");
    expect(loads).toHaveLength(2);
  });
  clock.mockRestore();
});

test("a failed read is told to those who waited and tried again by the next", async () => {
  const { reads, cache } = slowStore({ h1: callerOf("key_1") });
  const failing = Promise.allSettled([cache.find("h1"), cache.find("h1")]);
  reads[0]?.fail();
  expect(await failing).toMatchObject([{ status: "rejected" }, { status: "rejected" }]);

  const again = cache.find("h1");
  reads[1]?.finish();
  expect(await again).toEqual(callerOf("key_1"));
});

test("a key that had to make room is read again, and a change still finds what of it is left", async () => {
  const loads: string[] = [];
  const cache = new KeyCache(async (hash) => {
    loads.push(hash);
    return callerOf(hash.startsWith("old") ? "key_old" : `key_${hash}`);
  });
  await cache.find("old1");
  for (let count = 0; count < 49_999; count += 1) await cache.find(String(count));
  await cache.find("old2");
  expect(cache.find("old1")).toBeInstanceOf(Promise);
  expect(cache.find("old2")).toEqual(callerOf("key_old"));

  cache.drop({ key_id: "key_old", secret_hash: null });

  expect(cache.find("old2")).toBeInstanceOf(Promise);
});

async function fill(
  cache: KeyCache,
  reads: ReturnType<typeof slowStore>["reads"],
  hashes: readonly string[],
): Promise<void> {
  for (const hash of hashes) {
    const found = cache.find(hash);
    reads.at(-1)?.finish();
    await found;
  }
}
