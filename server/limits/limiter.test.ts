import { Redis } from "ioredis";
import { pino } from "pino";
import { afterAll, describe, expect, inject, test } from "vitest";
import { closed, parallel, refusal, requests, taken, takenOf, tokens } from "../testing/limiter.ts";
import { startRedis, type TestRedis } from "../testing/redis.ts";
import { createLimiter } from "./create-limiter.ts";
import type { Counter, Limiter } from "./limiter.ts";
import { MemoryLimiter } from "./memory-limiter.ts";

interface OpenedLimiter extends AsyncDisposable {
  readonly limiter: Limiter;
  /** Brings every minute that has begun to its end. */
  passMinute(): Promise<void>;
}

const limiters = [
  { name: "in memory", open: openMemory },
  ...(inject("redisProgram") === null ? [] : [{ name: "on Redis", open: openRedis }]),
];

describe.each(limiters)("$name", ({ open }) => {
  test("calls are let through up to the limit of a minute, which begins with the first", async () => {
    await using opened = await open();
    const { limiter, passMinute } = opened;

    const first = await taken(limiter, requests(3));
    expect(first.standings).toEqual([
      { counter: requests(3), remaining: 2, resetMs: expect.any(Number) },
    ]);
    expect(first.standings[0]?.resetMs).toSatisfy(isWithinMinute);
    await taken(limiter, requests(3));
    expect((await taken(limiter, requests(3))).standings[0]?.remaining).toBe(0);
    const refused = await refusal(limiter, requests(3));
    expect(refused.by).toEqual(requests(3));
    expect(refused.retryAfterMs).toSatisfy(isWithinMinute);
    expect(refused.standings[0]).toMatchObject({ remaining: 0, resetMs: refused.retryAfterMs });

    await passMinute();
    expect((await taken(limiter, requests(3))).standings[0]?.remaining).toBe(2);
  });

  test("a call that was let through and has ended still counts as a request", async () => {
    await using opened = await open();
    const { slot } = await taken(opened.limiter, requests(1));
    slot.settle(10);
    await refusal(opened.limiter, requests(1));
  });

  test("tokens count by the estimate until the call has ended, then by what it used", async () => {
    await using opened = await open();
    const { limiter } = opened;
    const { slot } = await taken(limiter, tokens(100, 60));
    await refusal(limiter, tokens(100, 41));

    slot.settle(20);
    expect(await takenOf(limiter, "tokens")).toBe(20);
    const second = await taken(limiter, tokens(100, 80));
    second.slot.settle(500);
    expect(await takenOf(limiter, "tokens")).toBe(520);
    expect((await refusal(limiter, tokens(100, 1))).standings[0]?.remaining).toBe(0);
  });

  test("a call that never left gives back all that it took", async () => {
    await using opened = await open();
    const { limiter } = opened;
    const counters = [requests(1), tokens(100, 60), parallel(1)];
    const { slot } = await taken(limiter, ...counters);
    await refusal(limiter, ...counters);
    slot.release();
    await taken(limiter, ...counters);
  });

  test("what is free again has no time until it is", async () => {
    await using opened = await open();
    const { slot } = await taken(opened.limiter, requests(5), tokens(100, 60));
    slot.release();
    const { standings } = await refusal(opened.limiter, requests(5), tokens(100, 60), closed);
    expect(standings.map(({ remaining, resetMs }) => [remaining, resetMs])).toEqual([
      [5, 0],
      [100, 0],
      [0, 0],
    ]);
  });

  test("a call that is estimated above the limit of tokens has a minute for itself", async () => {
    await using opened = await open();
    const { limiter, passMinute } = opened;
    await taken(limiter, tokens(100, 1));
    await refusal(limiter, tokens(100, 500));
    await passMinute();
    const { slot, standings } = await taken(limiter, tokens(100, 500));
    expect(standings[0]?.remaining).toBe(0);
    await refusal(limiter, tokens(100, 1));
    slot.settle(0);
    await taken(limiter, tokens(100, 500));
  });

  test.each(["requests", "tokens", "parallel"] as const)(
    "a limit of 0 %s refuses every call",
    async (kind) => {
      await using opened = await open();
      const counter: Counter = { owner: "key:a", kind, limit: 0, amount: 1 };
      const { by, retryAfterMs } = await refusal(opened.limiter, counter);
      expect(by).toEqual(counter);
      expect(retryAfterMs).toBe(kind === "parallel" ? 1_000 : 60_000);
      await refusal(opened.limiter, { ...counter, amount: 0 });
    },
  );

  test("calls at once are freed by their ends, whichever they are, and only once", async () => {
    await using opened = await open();
    const { limiter } = opened;
    const first = await taken(limiter, parallel(2));
    const second = await taken(limiter, parallel(2));
    expect(second.standings).toEqual([{ counter: parallel(2), remaining: 0, resetMs: 0 }]);
    expect(await refusal(limiter, parallel(2))).toMatchObject({ retryAfterMs: 1_000 });

    first.slot.settle(5);
    first.slot.settle(5);
    first.slot.release();
    await taken(limiter, parallel(2));
    await refusal(limiter, parallel(2));
    second.slot.release();
    second.slot.settle(5);
    await taken(limiter, parallel(2));
    await refusal(limiter, parallel(2));
  });

  test("a slot changes its counters once, however often it is ended", async () => {
    await using opened = await open();
    const { limiter } = opened;
    const { slot } = await taken(limiter, requests(9), tokens(100, 60));
    slot.settle(20);
    slot.settle(30);
    slot.release();
    expect(await takenOf(limiter, "requests")).toBe(1);
    expect(await takenOf(limiter, "tokens")).toBe(20);
  });

  test("a refused call takes nothing from any of its counters", async () => {
    await using opened = await open();
    const { limiter } = opened;
    const others = [requests(10), tokens(100, 60), parallel(10)];
    await refusal(limiter, closed, ...others);
    await refusal(limiter, ...others, closed);
    for (const { kind } of others) expect(await takenOf(limiter, kind)).toBe(0);
    await taken(limiter, ...others);
  });

  test("of several counters that refuse, the one with the longest wait is told", async () => {
    await using opened = await open();
    const { limiter } = opened;
    const full = [parallel(1), requests(1)];
    await taken(limiter, ...full);
    expect((await refusal(limiter, ...full)).by).toEqual(requests(1));
    expect((await refusal(limiter, ...full.toReversed())).by).toEqual(requests(1));
  });

  test("standings are in the order of the counters, of a refused call as well", async () => {
    await using opened = await open();
    const counters = [tokens(100, 60), parallel(4), requests(2)];
    const { standings } = await taken(opened.limiter, ...counters);
    expect(standings.map(({ counter }) => counter)).toEqual(counters);
    expect(standings.map(({ remaining }) => remaining)).toEqual([40, 3, 1]);
    const refused = await refusal(opened.limiter, ...counters);
    expect(refused.standings.map(({ remaining }) => remaining)).toEqual([40, 3, 1]);
  });

  test("owners and kinds are counted apart", async () => {
    await using opened = await open();
    const { limiter } = opened;
    await taken(limiter, requests(1, "key:a"));
    await taken(limiter, requests(1, "key:b"));
    await taken(limiter, tokens(1, 1, "key:a"));
    await taken(limiter, parallel(1, "key:a"));
    await refusal(limiter, requests(1, "key:a"));
  });

  test("a call that ends in a later minute changes nothing of it", async () => {
    await using opened = await open();
    const { limiter, passMinute } = opened;
    const counters = [requests(10), tokens(1_000, 300)];
    const early = await taken(limiter, ...counters);
    const dropped = await taken(limiter, ...counters);
    await passMinute();
    early.slot.settle(900);
    expect(await takenOf(limiter, "tokens")).toBe(0);
    await taken(limiter, ...counters);
    dropped.slot.release();
    expect(await takenOf(limiter, "tokens")).toBe(300);
    expect(await takenOf(limiter, "requests")).toBe(1);
  });

  test("a limit that was lowered below what is taken refuses, and nothing remains of it", async () => {
    await using opened = await open();
    for (let call = 0; call < 3; call += 1) await taken(opened.limiter, requests(5));
    expect((await refusal(opened.limiter, requests(2))).standings[0]?.remaining).toBe(0);
    await taken(opened.limiter, requests(5));
  });

  test("a call without limits is let through", async () => {
    await using opened = await open();
    const { slot, standings } = await taken(opened.limiter);
    expect(standings).toEqual([]);
    slot.settle(5);
  });

  test("after thousands of calls, however they end, nothing is left over or lost", async () => {
    await using opened = await open();
    const { limiter } = opened;
    const owners = ["key:a", "key:b", "user:c"];
    const expected = new Map(owners.map((owner) => [owner, { requests: 0, tokens: 0 }]));
    const random = randomOf(20_260_304);
    const call = async () => {
      const owner = owners[random(3)] ?? "";
      const estimate = random(200);
      const counters = [requests(700, owner), tokens(60_000, estimate, owner), parallel(8, owner)];
      const taking = await limiter.take(counters);
      if (taking.kind !== "taken") return;
      const sums = expected.get(owner) ?? { requests: 0, tokens: 0 };
      if (random(2) === 0) await Promise.resolve();
      if (random(4) === 0) return taking.slot.release();
      const used = random(300);
      sums.requests += 1;
      sums.tokens += used;
      taking.slot.settle(used);
      taking.slot.settle(used);
    };
    for (let round = 0; round < 100; round += 1)
      await Promise.all(Array.from({ length: 40 }, call));

    for (const [owner, sums] of expected) {
      expect(await takenOf(limiter, "requests", owner)).toBe(sums.requests);
      expect(await takenOf(limiter, "tokens", owner)).toBe(sums.tokens);
      expect(await takenOf(limiter, "parallel", owner)).toBe(0);
      expect(sums.requests).toBeGreaterThan(100);
    }
  });
});

const isWithinMinute = (milliseconds: number) => milliseconds > 0 && milliseconds <= 60_000;

async function openMemory(): Promise<OpenedLimiter> {
  let aheadMs = 0;
  const limiter = new MemoryLimiter(() => performance.now() + aheadMs);
  return {
    limiter,
    passMinute: async () => void (aheadMs += 60_000),
    [Symbol.asyncDispose]: () => limiter.close(),
  };
}

let shared: Promise<TestRedis> | undefined;

afterAll(async () => (await shared)?.[Symbol.asyncDispose]());

async function openRedis(): Promise<OpenedLimiter> {
  shared ??= startRedis();
  const { url } = await shared;
  const redis = new Redis(url);
  await redis.flushall();
  const limiter = await createLimiter({
    redisUrl: url,
    onRedisFailure: "fail_closed",
    logger: pino({ level: "silent" }),
  });
  return {
    limiter,
    // Nobody can put Redis' clock forward, but the minutes can have begun earlier.
    passMinute: async () => {
      for (const key of await redis.keys("keyplane:*"))
        if ((await redis.type(key)) === "hash") await redis.hincrby(key, "start", -60_000);
    },
    [Symbol.asyncDispose]: async () => {
      await limiter.close();
      redis.disconnect();
    },
  };
}

/** Numbers below a bound that are the same in every run (mulberry32). */
function randomOf(seed: number): (bound: number) => number {
  let state = seed;
  return (bound) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % bound;
  };
}
