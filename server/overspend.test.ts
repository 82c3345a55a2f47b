import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, inject, test } from "vitest";
import type { SqlPool } from "./store/database.ts";
import { verify } from "./store/verify.ts";
import { Callers, type RefusedCall } from "./testing/callers.ts";
import { countedCost, startCountingUpstream } from "./testing/counting-upstream.ts";
import { openDatabaseAt } from "./testing/open-database-at.ts";
import { startRedis } from "./testing/redis.ts";
import { startReplicas } from "./testing/replica-set.ts";

const [server] = inject("postgresServers");

const replicas = 4;
const callers = 200;

/** Some five hundred calls of the size that the callers ask for. */
const budgetUsd = 0.5;
const budget = 500_000_000_000n;

/** The most that one of the calls costs: the callers ask for fewer than a thousand tokens. */
const dearestCall = countedCost(1_000);

/** Beyond which nobody is asked to believe that a budget which is not used up is spent. */
const used = (budget * 95n) / 100n;

describe.skipIf(server === undefined)(`${replicas} replicas, ${callers} callers, one key`, () => {
  test.each([
    ["strict", "strict enforcement overspends by nothing", 0n],
    [
      "default",
      "default enforcement overspends by no more than its slack",
      dearestCall * BigInt(callers),
    ],
  ])(
    "truth 3, truth 4: %s: %s, and nobody is told that held money is spent",
    { timeout: 120_000 },
    async (enforcement, _what, slack) => {
      if (!server) throw new Error("Cannot test on Postgres: this run has none");
      await using upstream = await startCountingUpstream({ thinkMs: 50 });
      await using set = await startReplicas({
        server,
        count: replicas,
        upstreamUrl: upstream.url,
        settings: [`budget_enforcement: ${enforcement}`, "limits: per_replica"],
      });
      const key = await set.generateKey({ max_budget: budgetUsd });
      const load = new Callers({
        url: set.next,
        key,
        count: callers,
        fields: { max_tokens: 1_000 },
      });
      await expect
        .poll(() => load.refused.filter(isExceeded).length, { timeout: 60_000, interval: 50 })
        .toBeGreaterThan(callers);
      await load.stop();
      await sleep(1_500);

      await using opened = await openDatabaseAt(set.databaseUrl);
      const { sql } = opened;
      const [window] = await sql<{ spent: bigint }[]>`select spent from budget_window`;
      const spent = window?.spent ?? 0n;
      expect(spent - budget).toBeLessThanOrEqual(slack);
      expect(await verify(sql)).toMatchObject({ differences: [], held: 0n });
      const firstRefusalMs = Math.min(...load.refused.filter(isExceeded).map(({ atMs }) => atMs));
      expect(await costOfCallsEndedBy(sql, firstRefusalMs)).toBeGreaterThanOrEqual(used);
      expect(await callsBegunAfter(sql, firstRefusalMs)).toBe(0);
      expect(load.refused.filter((call) => !isExceeded(call) && !isReserved(call))).toEqual([]);
      console.info(
        `${enforcement}: spent ${spent} of ${budget} picodollars in ${load.answered.length} calls; ${load.refused.filter(isReserved).length} were told to come again`,
      );
    },
  );
});

const redisProgram = inject("redisProgram");

describe.skipIf(server === undefined || redisProgram === null)(
  `${replicas} replicas and Redis`,
  () => {
    test(
      "a burst at the limit admits exactly the limit, and calls at once stay within theirs",
      { timeout: 120_000 },
      async () => {
        if (!server) throw new Error("Cannot test on Postgres: this run has none");
        await using redis = await startRedis();
        await using upstream = await startCountingUpstream({ thinkMs: 50 });
        await using set = await startReplicas({
          server,
          count: replicas,
          upstreamUrl: upstream.url,
          settings: [`redis_url: ${redis.url}`],
        });
        const key = await set.generateKey({ rpm_limit: 150 });
        const load = new Callers({ url: set.next, key, count: callers });
        await expect.poll(() => load.refused.length, { timeout: 30_000 }).toBeGreaterThan(callers);
        await load.stop();
        expect(load.answered).toHaveLength(150);
        expect(upstream.calls()).toBe(150);
        upstream.mostAtOnce();

        const narrow = await set.generateKey({ max_parallel_requests: 7 });
        const crowd = new Callers({ url: set.next, key: narrow, count: 50 });
        await expect.poll(() => crowd.answered.length, { timeout: 30_000 }).toBeGreaterThan(100);
        await crowd.stop();
        expect(upstream.mostAtOnce()).toBeLessThanOrEqual(7);
        expect([...new Set(crowd.refused.map(({ code }) => code))]).toEqual([
          "rate_limit_exceeded",
        ]);
      },
    );
  },
);

function isExceeded({ code }: RefusedCall): boolean {
  return code === "budget_exceeded";
}

function isReserved({ code }: RefusedCall): boolean {
  return code === "budget_reserved";
}

async function costOfCallsEndedBy(sql: SqlPool, atMs: number): Promise<bigint> {
  const [row] = await sql<[{ cost: bigint }]>`
    select coalesce(sum(cost), 0) as cost from spend_log where ended_at <= ${new Date(atMs)}`;
  return row.cost;
}

async function callsBegunAfter(sql: SqlPool, atMs: number): Promise<number> {
  const [row] = await sql<[{ calls: number }]>`
    select count(*)::int as calls from spend_log where started_at > ${new Date(atMs)}`;
  return row.calls;
}
