import { setTimeout as sleep } from "node:timers/promises";
import { expect, inject, test } from "vitest";
import { verify } from "./store/verify.ts";
import { Callers } from "./testing/callers.ts";
import { countedCost, startCountingUpstream } from "./testing/counting-upstream.ts";
import { createDatabase } from "./testing/create-database.ts";
import { simpleConfig } from "./testing/gateway.ts";
import { generateKey } from "./testing/generate-key.ts";
import { openDatabaseAt } from "./testing/open-database-at.ts";
import { startRestartable } from "./testing/restartable.ts";
import { rowsByCall } from "./testing/rows-by-call.ts";

const [server] = inject("postgresServers");

const rounds = 24;
const callers = 16;

test.skipIf(server === undefined)(
  "truth 2: however often a process is killed, every answered call has exactly one row at its exact cost",
  { timeout: 240_000 },
  async () => {
    if (!server) throw new Error("Cannot test on Postgres: this run has none");
    const database = await createDatabase(server.url, { template: server.template });
    await using upstream = await startCountingUpstream({ thinkMs: 30 });
    const config = `${simpleConfig(upstream.url)}  database_url: ${database.url}\n`;
    await using gateway = await startRestartable(config);
    const key = await generateKey(gateway.url, { max_budget: 1000 });
    const load = new Callers({ url: () => gateway.url, key, count: callers });
    for (let round = 0; round < rounds; round += 1) {
      const before = load.answered.length;
      await expect
        .poll(() => load.answered.length, { timeout: 20_000, interval: 10 })
        .toBeGreaterThan(before + callers / 2);
      await sleep(Math.random() * 100);
      await gateway.stop("SIGKILL");
      await gateway.start();
    }
    await sleep(300);
    await load.stop();
    const ending = await gateway.stop();
    expect(ending).toMatchObject({ code: 0 });
    // What the last kill left behind is adopted by the time the process has drained, or by the next one.
    await gateway.start();

    await using opened = await openDatabaseAt(database.url);
    const { sql } = opened;
    await expect
      .poll(async () => (await sql`select from replica`).length, { timeout: 20_000, interval: 100 })
      .toBe(1);
    const rows = await rowsByCall(sql);
    for (const { requestId, tokens } of load.answered)
      expect(rows.get(requestId), requestId).toEqual([
        { request_id: requestId, cost: countedCost(tokens), status: "success" },
      ]);
    const written = [...rows.values()].flat();
    expect(written.length).toBeGreaterThanOrEqual(upstream.calls());
    expect(written.length).toBeLessThanOrEqual(upstream.calls() + rounds * callers);
    expect(written.some(({ status }) => status === "interrupted")).toBe(true);
    expect(await verify(sql)).toMatchObject({ differences: [], held: 0n });
  },
);
