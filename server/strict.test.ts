import { expect, inject, test } from "vitest";
import { picodollarsFromUsd } from "../shared/money.ts";
import type { Sql } from "./store/database.ts";
import { verify } from "./store/verify.ts";
import { Callers } from "./testing/callers.ts";
import { countedCost, startCountingUpstream } from "./testing/counting-upstream.ts";
import { createDatabase } from "./testing/create-database.ts";
import { simpleConfig } from "./testing/gateway.ts";
import { runKeyplane } from "./testing/gateway-process.ts";
import { generateKey } from "./testing/generate-key.ts";
import { openDatabaseAt } from "./testing/open-database-at.ts";
import { startRestartable } from "./testing/restartable.ts";

const [server] = inject("postgresServers");

/** Each of them runs out in a later life of the gateway than the one before, or nearly. */
const budgetsUsd = [0.03, 0.08, 0.15];

/** The most that a call costs: the callers ask for fewer than a thousand tokens. */
const dearestCall = countedCost(1_000);

const patiently = { timeout: 30_000, interval: 10 };

test.skipIf(server === undefined)(
  "truth 2, truth 3: strict budgets are not overspent by clients that hang up and a process that is killed while the last is held",
  { timeout: 120_000 },
  async () => {
    if (!server) throw new Error("Cannot test on Postgres: this run has none");
    const database = await createDatabase(server.url, { template: server.template });
    await using upstream = await startCountingUpstream({ thinkMs: 30, streamMs: 50 });
    const config = `${simpleConfig(upstream.url)}  database_url: ${database.url}\n  budget_enforcement: strict\n`;
    await using gateway = await startRestartable(config);
    const crowds = await Promise.all(
      budgetsUsd.map(async (max_budget) => {
        const key = await generateKey(gateway.url, { max_budget });
        return crowdOf(() => gateway.url, key);
      }),
    );
    for (const crowd of crowds) {
      const before = crowd.codes().length;
      // What is left of it is held by then, or spent.
      await expect.poll(() => crowd.codes().length, patiently).toBeGreaterThan(before);
      await gateway.stop("SIGKILL");
      await gateway.start();
    }
    for (const crowd of crowds) {
      const before = crowd.codes().length;
      await expect.poll(() => crowd.codes().slice(before), patiently).toContain("budget_exceeded");
      await crowd.stop();
    }

    await using opened = await openDatabaseAt(database.url);
    const { sql } = opened;
    await expect.poll(async () => (await verify(sql)).held, patiently).toBe(0n);
    const windows = await windowsOf(sql);
    expect(windows.map(({ cap }) => cap)).toEqual(budgetsUsd.map(picodollarsFromUsd));
    for (const { cap, spent, charged } of windows) {
      expect(spent).toBe(charged);
      expect(charged).toBeLessThanOrEqual(cap);
      expect(charged).toBeGreaterThan(cap - dearestCall);
    }
    // What the upstream was asked for has not been forgotten to stay below the caps.
    const statuses = await statusesOf(sql);
    expect(statuses.length).toBeGreaterThanOrEqual(upstream.calls());
    expect(new Set(statuses)).toEqual(new Set(["success", "aborted", "interrupted"]));
    const codes = new Set(crowds.flatMap((crowd) => crowd.codes()));
    expect(codes).toEqual(new Set(["budget_exceeded", "budget_reserved"]));
    const proof = await runKeyplane(["verify"], { directory: gateway.directory });
    expect(proof, proof.stdout).toMatchObject({ code: 0 });
    expect(proof.stdout).toMatch(/hold 0(\.0+)? USD\nEvery sum is that of its rows\n/);
  },
);

/** Callers of one key: some see their replies to the end, as many hang up. */
function crowdOf(url: () => string, key: string) {
  const settings = { url, key, count: 3, fields: { max_tokens: 1_000 } };
  const members = [new Callers(settings), new Callers({ ...settings, hangUp: true })];
  return {
    /** Of the refusals until now. */
    codes: () => members.flatMap(({ refused }) => refused).map(({ code }) => code),
    stop: () => Promise.all(members.map((member) => member.stop())),
  };
}

interface ChargedWindow {
  readonly cap: bigint;
  readonly spent: bigint;
  /** By the rows that it admitted. */
  readonly charged: bigint;
}

async function windowsOf(sql: Sql): Promise<ChargedWindow[]> {
  const windows = await sql<ChargedWindow[]>`
    select b.cap, w.spent,
           (select coalesce(sum(cost), 0) from spend_log where w.id = any (windows)) as charged
      from budget_window w join budget b on b.id = w.budget_id order by b.cap`;
  return windows.map((window) => ({ ...window }));
}

async function statusesOf(sql: Sql): Promise<string[]> {
  const rows = await sql<{ status: string }[]>`select status from spend_log`;
  return rows.map(({ status }) => status);
}
