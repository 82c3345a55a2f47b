import { expect, test } from "vitest";
import { boundedCache } from "./bounded-cache.ts";

test("the least recently used goes when there is no room, and is disposed of", () => {
  const gone: string[] = [];
  const cache = boundedCache<number>(2, { dispose: (_value, name) => gone.push(name) });
  cache.set("a", 1).set("b", 2);
  cache.get("a");
  cache.set("c", 3);
  expect([...cache.keys()].toSorted()).toEqual(["a", "c"]);
  expect(gone).toEqual(["b"]);
});

test("a room that was given up serves again, and as many fit as before", () => {
  const cache = boundedCache<number>(3);
  for (let round = 0; round < 5; round += 1) {
    for (let index = 0; index < 10; index += 1) cache.set(`${round} ${index}`, index);
    expect(cache.size).toBe(3);
    cache.delete(`${round} 9`);
    expect(cache.size).toBe(2);
  }
  cache.clear();
  cache.set("last", 1);
  expect([...cache.entries()]).toEqual([["last", 1]]);
});

test("what is kept for a time is not found after it", async () => {
  const cache = boundedCache<number>(3, { ttl: 20 });
  cache.set("a", 1);
  expect(cache.get("a")).toBe(1);
  await expect.poll(() => cache.get("a")).toBe(undefined);
});

test("an empty cache takes next to no memory, however much fits into it", () => {
  const before = memory();
  const caches = Array.from({ length: 50 }, () => boundedCache<number>(50_000, { ttl: 1_000 }));
  const bytesEach = (memory() - before) / caches.length;
  // Set aside at the start it would be 1.9 MB.
  expect(bytesEach).toBeLessThan(200_000);
});

function memory(): number {
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}
