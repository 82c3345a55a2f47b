import { setTimeout as sleep } from "node:timers/promises";
import { expect, inject, test } from "vitest";
import { verify } from "./store/verify.ts";
import { Callers } from "./testing/callers.ts";
import { countedCost, startCountingUpstream } from "./testing/counting-upstream.ts";
import { simpleConfig } from "./testing/gateway.ts";
import { startGatewayProcess, temporaryDirectory } from "./testing/gateway-process.ts";
import { generateKey } from "./testing/generate-key.ts";
import { openDatabaseAt } from "./testing/open-database-at.ts";
import { findPostgres, startPostgres } from "./testing/postgres.ts";
import { rowsByCall } from "./testing/rows-by-call.ts";

const outageMs = 60_000;

test.skipIf(inject("postgresServers").length === 0)(
  "truth 2: with Postgres away for a minute under load, calls of a cached key go on, and every one lands once it is back",
  { timeout: 240_000 },
  async () => {
    const [found] = await findPostgres();
    if (!found) throw new Error("Cannot test an outage: this run has no Postgres");
    await using server = disposable(await startPostgres(found.binDirectory));
    const { url } = await server.createDatabase();
    await using upstream = await startCountingUpstream({ thinkMs: 50 });
    await using directory = await temporaryDirectory();
    const config = `${simpleConfig(upstream.url)}  database_url: ${url}\n`;
    await using gateway = await startGatewayProcess(config, [], { directory: directory.path });
    const keys = {
      free: await generateKey(gateway.url),
      budgeted: await generateKey(gateway.url, { max_budget: 1_000 }),
    };
    const start = (key: string) => new Callers({ url: () => gateway.url, key, count: 4 });
    const load = start(keys.free);
    const budgeted = start(keys.budgeted);
    await sleep(3_000);

    await server.halt();
    const before = { free: load.answered.length, refused: load.refused.length };
    await sleep(outageMs);
    expect(load.answered.length - before.free).toBeGreaterThan(200);
    expect(load.refused.slice(before.refused)).toEqual([]);
    await server.resume();
    const refusedBefore = budgeted.refused.length;
    const answeredBefore = budgeted.answered.length;
    await expect
      .poll(() => budgeted.answered.length, { timeout: 30_000 })
      .toBeGreaterThan(answeredBefore + 20);
    await Promise.all([load.stop(), budgeted.stop()]);

    await using opened = await openDatabaseAt(url);
    const { sql } = opened;
    const answered = [...load.answered, ...budgeted.answered];
    const rows = async () =>
      (await sql<[{ n: number }]>`select count(*)::int as n from spend_log`)[0].n;
    await expect.poll(rows, { timeout: 30_000 }).toBe(upstream.calls());
    const written = await rowsByCall(sql);
    for (const { requestId, tokens } of answered)
      expect(written.get(requestId), requestId).toMatchObject([{ cost: countedCost(tokens) }]);
    await sleep(1_500);
    expect(await verify(sql)).toMatchObject({ differences: [], held: 0n });
    // While the database is away a budget has only what was in hand: who is refused is told so, and not that it is spent.
    const codes = new Set(budgeted.refused.slice(0, refusedBefore).map(({ code }) => code));
    expect([...codes]).toEqual(["budget_unavailable"]);
  },
);

function disposable<T extends { stop(): Promise<void> }>(server: T): T & AsyncDisposable {
  return Object.assign(server, { [Symbol.asyncDispose]: () => server.stop() });
}
