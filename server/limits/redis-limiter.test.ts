import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Redis } from "ioredis";
import { pino } from "pino";
import { describe, expect, inject, test } from "vitest";
import { run } from "../testing/command.ts";
import { freePort } from "../testing/free-port.ts";
import { temporaryDirectory } from "../testing/gateway-process.ts";
import { closed, parallel, refusal, requests, taken, takenOf, tokens } from "../testing/limiter.ts";
import { startRedis, type TestRedis } from "../testing/redis.ts";
import { startTcpProxy } from "../testing/tcp-proxy.ts";
import type { Counter, Limiter, Taking } from "./limiter.ts";
import { type RedisFailure, RedisLimiter } from "./redis-limiter.ts";
import { readRedisUrl } from "./redis-url.ts";

const hasOpenssl = await run("openssl", ["version"]).then(Boolean, () => false);

/** For what another process does meanwhile, on a machine that may be busy. */
const patiently = { timeout: 30_000, interval: 20 };

describe.skipIf(inject("redisProgram") === null)("limits that replicas share", () => {
  test("four replicas let through exactly as many calls as the limits say, all together", async () => {
    await using redis = await startRedis();
    await using replicas = await openReplicas(redis, 4);
    const takeAll = (owner: string, ...limits: Counter[]) =>
      Promise.all(
        Array.from({ length: 400 }, (_, call) =>
          replicas.at(call).take([...limits, tokens(1e9, 7, owner), requests(1e9, owner)]),
        ),
      );
    const cases: readonly (readonly [owner: string, limit: Counter, admitted: number])[] = [
      ["by:requests", requests(150, "limited"), 150],
      ["by:tokens", tokens(1_234, 10, "limited"), 123],
      ["by:parallel", parallel(37, "limited"), 37],
    ];
    for (const [owner, limit, admitted] of cases) {
      const takings = await takeAll(owner, limit);
      expect(countOf(takings)).toEqual({ taken: admitted, refused: 400 - admitted });
      expect(await takenOf(replicas.at(0), "tokens", owner)).toBe(admitted * 7);
      expect(await takenOf(replicas.at(1), "requests", owner)).toBe(admitted);
    }
  });

  test("hundreds of calls that come and go at four replicas leave exactly what they used", async () => {
    await using redis = await startRedis();
    await using replicas = await openReplicas(redis, 4);
    let [used, admitted, atOnce, most] = [0, 0, 0, 0];
    const call = async (index: number) => {
      const counters = [parallel(5), requests(1e9), tokens(1e9, 50)];
      const taking = await replicas.at(index).take(counters);
      if (taking.kind !== "taken") return;
      most = Math.max(most, (atOnce += 1));
      await sleep(index % 7);
      atOnce -= 1;
      if (index % 5 === 0) return taking.slot.release();
      admitted += 1;
      used += index % 90;
      taking.slot.settle(index % 90);
    };
    for (let round = 0; round < 20; round += 1)
      await Promise.all(Array.from({ length: 60 }, (_, index) => call(round * 60 + index)));

    await expect.poll(() => takenOf(replicas.at(0), "parallel"), patiently).toBe(0);
    await expect.poll(() => takenOf(replicas.at(0), "tokens"), patiently).toBe(used);
    expect(await takenOf(replicas.at(0), "requests")).toBe(admitted);
    expect(most).toBe(5);
  });

  test("what one replica gives back the others may take", async () => {
    await using redis = await startRedis();
    await using replicas = await openReplicas(redis, 2);
    const { slot } = await taken(replicas.at(0), parallel(1), tokens(100, 100));
    await refusal(replicas.at(1), parallel(1));
    slot.settle(10);
    await expect
      .poll(() => kindOf(replicas.at(1), parallel(1), tokens(100, 90)), patiently)
      .toBe("taken");
  });

  test("a replica that dies gives its slots back, and one that lives keeps them", async () => {
    await using redis = await startRedis();
    await using replicas = await openReplicas(redis, 3, { leaseMs: 2_000 });
    await taken(replicas.at(0), parallel(2));
    await taken(replicas.at(1), parallel(2));
    await refusal(replicas.at(2), parallel(2));

    await replicas.at(0).close();

    await expect.poll(() => kindOf(replicas.at(2), parallel(2)), patiently).toBe("taken");
    // The one that lives has renewed its lease meanwhile, or both would be free.
    await refusal(replicas.at(2), parallel(2));
  });

  test("a slot is renewed as long as its call lasts, and not after", async () => {
    await using redis = await startRedis();
    await using opened = await openLimiter(redis.url, { leaseMs: 3_000 });
    const ended = await taken(opened.limiter, parallel(2));
    ended.slot.settle(5);
    await taken(opened.limiter, parallel(2));
    const lapse = async () => (await leasesOf(redis, "key:a")).at(1);
    const first = await lapse();
    await expect.poll(lapse, patiently).not.toBe(first);
    expect(await leasesOf(redis, "key:a")).toHaveLength(2);
  });

  test("a script that Redis has forgotten is sent again", async () => {
    await using redis = await startRedis();
    await using opened = await openLimiter(redis.url);
    await taken(opened.limiter, requests(2));
    await command(redis.url, "SCRIPT", "FLUSH");
    await taken(opened.limiter, requests(2));
    await refusal(opened.limiter, requests(2));
  });

  test("all that is in Redis has the prefix, and goes by itself", async () => {
    await using redis = await startRedis();
    await using opened = await openLimiter(redis.url);
    await taken(opened.limiter, requests(2), tokens(10, 5), parallel(2));
    const keys = (await command(redis.url, "KEYS", "*")) as string[];
    expect(keys.toSorted()).toEqual([
      "keyplane:parallel:key:a",
      "keyplane:requests:key:a",
      "keyplane:tokens:key:a",
    ]);
    for (const key of keys) {
      const leftMs = await command(redis.url, "PTTL", key);
      expect(leftMs).toBeGreaterThan(0);
      expect(leftMs).toBeLessThanOrEqual(60_000);
    }
  });
});

describe.skipIf(inject("redisProgram") === null)("while Redis is away", () => {
  const ways = [
    { name: "killed", setUp: killable, reason: /ended|ECONN|EPIPE/ },
    { name: "frozen", setUp: freezable, reason: /^no answer within 250 ms$/ },
    { name: "out of reach", setUp: deafenable, reason: /^no answer within 250 ms$/ },
  ];

  describe.each(ways)("because it is $name", ({ setUp, reason }) => {
    test("fail_open counts here, at once, until it is back", async () => {
      await using redis = await setUp();
      await using opened = await openLimiter(redis.url, { onRedisFailure: "fail_open" });
      const { limiter, log } = opened;
      await taken(limiter, requests(1, "key:before"));

      await redis.leave();
      await taken(limiter, requests(2));
      await untilAtOnce(limiter);
      const decisions = [1, 2, 3].map(() => limiter.take([requests(2, "key:while")]));
      expect(decisions).toMatchObject([{ kind: "taken" }, { kind: "taken" }, { kind: "refused" }]);

      await redis.comeBack();
      await expect.poll(() => asksRedis(limiter), patiently).toBe(true);
      await taken(limiter, requests(1, "key:while"));
      await refusal(limiter, requests(1, "key:while"));
      expect(log()).toMatchObject([
        { level: 40, reason: expect.stringMatching(reason) },
        { level: 30 },
      ]);
    });

    test("fail_closed lets nobody through, at once, until it is back", async () => {
      await using redis = await setUp();
      await using opened = await openLimiter(redis.url, { onRedisFailure: "fail_closed" });
      const { limiter, log } = opened;
      await taken(limiter, requests(2));

      await redis.leave();
      expect(await kindOf(limiter, requests(2))).toBe("unavailable");
      await untilAtOnce(limiter);
      expect(limiter.take([requests(2)])).toEqual({ kind: "unavailable" });
      expect(limiter.take([])).toMatchObject({ kind: "taken" });

      await redis.comeBack();
      await expect.poll(() => kindOf(limiter, requests(9)), patiently).toBe("taken");
      expect(log()).toMatchObject([
        { level: 40, reason: expect.stringMatching(reason) },
        { level: 30 },
      ]);
    });
  });

  test("calls that were in flight are counted again when it is back without its memory", async () => {
    await using redis = await startRedis();
    await using opened = await openLimiter(redis.url, { leaseMs: never });
    const { limiter } = opened;
    const { slot } = await taken(limiter, parallel(1), parallel(1, "user:b"));
    await redis.restart();
    await expect.poll(() => kindOf(limiter, parallel(1)), patiently).toBe("refused");
    expect(await takenOf(limiter, "parallel", "user:b")).toBe(1);
    slot.settle(5);
    expect(await takenOf(limiter, "parallel")).toBe(0);
  });

  test("what is given back meanwhile is given back when it is there again", async () => {
    await using redis = await startRedis();
    await using proxy = await startTcpProxy(redis.url);
    await using opened = await openLimiter(proxy.url, { leaseMs: never });
    const { slot } = await taken(opened.limiter, parallel(1));
    await proxy.cut();
    await untilAtOnce(opened.limiter);
    slot.settle(5);
    await proxy.restore();
    await expect.poll(() => kindOf(opened.limiter, parallel(1)), patiently).toBe("taken");
  });

  test("a slot that Redis gave when nobody heard it any more is given back", async () => {
    await using redis = await startRedis();
    await using opened = await openLimiter(redis.url, { leaseMs: never });
    await taken(opened.limiter, requests(1));
    redis.freeze();
    const takings = await Promise.all(
      Array.from({ length: 20 }, () => kindOf(opened.limiter, parallel(20))),
    );
    expect(takings).toEqual(Array.from({ length: 20 }, () => "unavailable"));
    redis.thaw();
    await expect.poll(() => kindOf(opened.limiter, requests(1)), patiently).toBe("refused");
    await expect.poll(() => takenOf(opened.limiter, "parallel"), patiently).toBe(0);
  });

  test("a slot is given back where it was taken", async () => {
    await using redis = await startRedis();
    await using opened = await openLimiter(redis.url, { onRedisFailure: "fail_open" });
    const { limiter } = opened;
    await redis.stop();
    await untilAtOnce(limiter);
    const local = await taken(limiter, parallel(1), tokens(100, 50));
    await redis.restart();
    await expect.poll(() => asksRedis(limiter), patiently).toBe(true);
    const shared = await taken(limiter, parallel(1), tokens(100, 50));
    local.slot.settle(10);
    expect(await takenOf(limiter, "parallel")).toBe(1);
    expect(await takenOf(limiter, "tokens")).toBe(50);
    shared.slot.settle(20);
    expect(await takenOf(limiter, "parallel")).toBe(0);
    expect(await takenOf(limiter, "tokens")).toBe(20);
  });

  test("a program that starts without it says so, and shares its limits as soon as it is there", async () => {
    await using redis = await startRedis();
    await redis.stop();
    await using opened = await openLimiter(redis.url);
    expect(opened.limiter.take([requests(1)])).toEqual({ kind: "unavailable" });
    expect(opened.log()).toMatchObject([
      { level: 40, reason: expect.stringContaining("ECONNREFUSED") },
    ]);
    await redis.restart();
    await expect.poll(() => kindOf(opened.limiter, requests(9)), patiently).toBe("taken");
  });

  test("one that answers with errors is complained of once, and each call is decided without it", async () => {
    await using redis = await startRedis();
    await using opened = await openLimiter(redis.url, { onRedisFailure: "fail_open" });
    const { limiter, log } = opened;
    await command(redis.url, "CONFIG", "SET", "maxmemory", "1");
    await taken(limiter, requests(2));
    await taken(limiter, requests(2));
    await refusal(limiter, requests(2));
    expect(log()).toMatchObject([{ level: 40, reason: expect.stringMatching(/^OOM/) }]);
    await command(redis.url, "CONFIG", "SET", "maxmemory", "0");
    expect(await takenOf(limiter, "requests")).toBe(0);
  });

  test("closing does not wait for it", async () => {
    await using redis = await startRedis();
    const opened = await openLimiter(redis.url);
    redis.freeze();
    await opened.limiter.close();
    expect(opened.log()).toEqual([]);
  });
});

describe.skipIf(inject("redisProgram") === null)("what stands in a Redis URL", () => {
  test("the password is used, and told to nobody when it is wrong", async () => {
    await using redis = await startRedis(["--requirepass", "p@ss/word"]);
    await using right = await openLimiter(withPassword(redis.url, "p@ss/word"));
    await taken(right.limiter, requests(1));
    expect(right.log()).toEqual([]);

    await using wrong = await openLimiter(withPassword(redis.url, "not-the-password"));
    expect(wrong.limiter.take([requests(1)])).toEqual({ kind: "unavailable" });
    expect(wrong.log()).toMatchObject([{ level: 40, reason: expect.stringMatching(/^WRONGPASS/) }]);
    expect(JSON.stringify(wrong.log())).not.toContain("not-the-password");
  });

  test("the number of the database is used", async () => {
    await using redis = await startRedis();
    await using opened = await openLimiter(`${redis.url}/3`);
    await taken(opened.limiter, requests(1));
    expect(await command(`${redis.url}/3`, "DBSIZE")).toBe(1);
    expect(await command(redis.url, "DBSIZE")).toBe(0);
  });

  test.skipIf(!hasOpenssl)("rediss:// encrypts, and trusts only whom it should", async () => {
    await using directory = await temporaryDirectory();
    const [key, certificate] = await makeCertificate(directory.path);
    const port = await freePort();
    const words = ["--tls-port", port, "--tls-key-file", key, "--tls-cert-file", certificate];
    await using redis = await startRedis([...words.map(String), "--tls-auth-clients", "no"]);

    await using trusting = await openLimiter(`rediss://localhost:${port}?ssl_cert_reqs=none`);
    await taken(trusting.limiter, requests(2));
    const second = await taken(trusting.limiter, requests(2), parallel(1));
    second.slot.settle(5);
    await refusal(trusting.limiter, requests(2));
    expect(await command(redis.url, "KEYS", "*")).toEqual(["keyplane:requests:key:a"]);

    await using careful = await openLimiter(`rediss://localhost:${port}`);
    expect(careful.limiter.take([requests(1)])).toEqual({ kind: "unavailable" });
    expect(careful.log()).toMatchObject([{ reason: expect.stringContaining("certificate") }]);
  });
});

/** Longer than any test: what is free again was given back, and has not lapsed. */
const never = 3_600_000;

interface OpenedLimiter extends AsyncDisposable {
  readonly limiter: Limiter;
  /** The lines of its log, without what every line has. */
  log(): Record<string, unknown>[];
}

async function openLimiter(
  url: string,
  settings: { onRedisFailure?: RedisFailure; leaseMs?: number } = {},
): Promise<OpenedLimiter> {
  const lines: string[] = [];
  const logger = pino({ base: null, timestamp: false }, { write: (line) => void lines.push(line) });
  const address = readRedisUrl(url);
  const limiter = new RedisLimiter({ address, logger, onRedisFailure: "fail_closed", ...settings });
  await limiter.open();
  return {
    limiter,
    log: () => lines.map((line) => JSON.parse(line) as Record<string, unknown>),
    [Symbol.asyncDispose]: () => limiter.close(),
  };
}

async function openReplicas(
  { url }: TestRedis,
  count: number,
  settings: { leaseMs?: number } = {},
) {
  const opened = await Promise.all(Array.from({ length: count }, () => openLimiter(url, settings)));
  return {
    /** In turn. */
    at(index: number): Limiter {
      const replica = opened[index % count];
      if (!replica) throw new Error("There is no replica");
      return replica.limiter;
    },
    [Symbol.asyncDispose]: async () => {
      await Promise.all(opened.map(({ limiter }) => limiter.close()));
    },
  };
}

/** A Redis that goes away and comes back. */
interface AbsentRedis extends AsyncDisposable {
  readonly url: string;
  leave(): Promise<void>;
  comeBack(): Promise<void>;
}

async function killable(): Promise<AbsentRedis> {
  const redis = await startRedis();
  return { ...redis, leave: redis.stop, comeBack: redis.restart };
}

async function freezable(): Promise<AbsentRedis> {
  const redis = await startRedis();
  return { ...redis, leave: async () => redis.freeze(), comeBack: async () => redis.thaw() };
}

/** Its answers are lost on the way, those to new connections too, which wait for them ever after. */
async function deafenable(): Promise<AbsentRedis> {
  const redis = await startRedis();
  const proxy = await startTcpProxy(redis.url);
  return {
    url: proxy.url,
    leave: async () => proxy.deafen(),
    comeBack: async () => {
      // Long enough for a new connection to have asked something.
      await sleep(500);
      await proxy.restore();
    },
    [Symbol.asyncDispose]: async () => {
      await proxy[Symbol.asyncDispose]();
      await redis[Symbol.asyncDispose]();
    },
  };
}

async function kindOf(limiter: Limiter, ...counters: Counter[]): Promise<Taking["kind"]> {
  return (await limiter.take(counters)).kind;
}

function countOf(takings: readonly Taking[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { kind } of takings) counts[kind] = (counts[kind] ?? 0) + 1;
  return counts;
}

/** What it decides alone is no promise. */
function asksRedis(limiter: Limiter): boolean {
  return limiter.take([closed]) instanceof Promise;
}

async function untilAtOnce(limiter: Limiter): Promise<void> {
  await expect.poll(() => asksRedis(limiter), patiently).toBe(false);
}

/** Ids of slots and when they lapse, in turn. */
async function leasesOf({ url }: TestRedis, owner: string): Promise<string[]> {
  const key = `keyplane:parallel:${owner}`;
  return (await command(url, "ZRANGE", key, "0", "-1", "WITHSCORES")) as string[];
}

async function command(url: string, name: string, ...words: string[]): Promise<unknown> {
  const redis = new Redis(url, { protocol: 2 });
  try {
    return await redis.call(name, ...words);
  } finally {
    redis.disconnect();
  }
}

function withPassword(url: string, password: string): string {
  return url.replace("://", `://:${encodeURIComponent(password)}@`);
}

async function makeCertificate(directory: string): Promise<[key: string, certificate: string]> {
  const [key, certificate] = [join(directory, "key.pem"), join(directory, "certificate.pem")];
  const kind = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
  const files = ["-keyout", key, "-out", certificate];
  await run("openssl", ["req", "-x509", ...kind, ...files, "-days", "2", "-subj", "/CN=localhost"]);
  return [key, certificate];
}
