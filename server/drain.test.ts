import { setTimeout as sleep } from "node:timers/promises";
import { readdir } from "node:fs/promises";
import { connect } from "node:net";
import { join } from "node:path";
import { expect, inject, test, vi } from "vitest";
import { within } from "./deadline.ts";
import { verify } from "./store/verify.ts";
import { Callers } from "./testing/callers.ts";
import { countedCost, startCountingUpstream } from "./testing/counting-upstream.ts";
import { createDatabase } from "./testing/create-database.ts";
import { reportedUsage, startUpstream } from "./testing/fake-upstream.ts";
import { masterKey, simpleConfig } from "./testing/gateway.ts";
import { startGatewayProcess } from "./testing/gateway-process.ts";
import { generateKey } from "./testing/generate-key.ts";
import { openDatabaseAt } from "./testing/open-database-at.ts";
import { bodyOf } from "./testing/reply.ts";
import { startRestartable } from "./testing/restartable.ts";
import { rowsByCall } from "./testing/rows-by-call.ts";
import { startTcpProxy } from "./testing/tcp-proxy.ts";

// Each starts two processes.
vi.setConfig({ testTimeout: 120_000 });

const [server] = inject("postgresServers");

/** The docs say 20 seconds, to which a busy machine may add. Kubernetes waits for 30. */
const silentDrainMs = 28_000;

test.skipIf(server === undefined)(
  "SIGTERM: the stream under way is finished, no other call is taken, its spend is written, and the exit is clean",
  async () => {
    if (!server) return;
    await using upstream = await startUpstream();
    const database = await createDatabase(server.url, { template: server.template });
    // The longest interval: what is written in time was written by the drain.
    const config = `${simpleConfig(upstream.url).replace("flush_interval_ms: 50", "flush_interval_ms: 1000")}  database_url: ${database.url}\n`;
    await using gateway = await startGatewayProcess(config);
    let finish: (() => void) | undefined;
    upstream.answer((_call, response) => {
      response.writeHead(200, { "content-type": "text/event-stream" });
      response.write(`data: {"choices":[{"delta":{"content":"first"}}]}\n\n`);
      finish = () =>
        response.end(
          `data: ${JSON.stringify({ choices: [{ delta: { content: "last" } }], usage: reportedUsage })}\n\ndata: [DONE]\n\n`,
        );
    });
    const call = await fetch(`${gateway.url}/v1/chat/completions`, {
      method: "POST",
      headers: { authorization: `Bearer ${masterKey}` },
      body: JSON.stringify({
        model: "gpt",
        stream: true,
        messages: [{ role: "user", content: "Hi" }],
      }),
    });
    const reader = call.body?.pipeThrough(new TextDecoderStream()).getReader();
    expect((await reader?.read())?.value).toContain("first");

    const ending = gateway.stop("SIGTERM");
    await expect.poll(() => refusesConnections(gateway.url), { timeout: 5_000 }).toBe(true);
    finish?.();

    let text = "";
    for (let part = await reader?.read(); part && !part.done; part = await reader?.read())
      text += part.value;
    expect(text).toMatch(/last[\s\S]*\[DONE\]/);
    expect(await ending).toMatchObject({ code: 0, signal: null });
    expect(await readdir(join(gateway.directory, ".keyplane", "journal"))).toEqual([]);

    await using next = await startGatewayProcess(config);
    const logs = await bodyOf(
      await fetch(`${next.url}/spend/logs`, { headers: { authorization: `Bearer ${masterKey}` } }),
    );
    expect(logs["data"], JSON.stringify(await ending)).toMatchObject([
      { status: "success", spend: 0.002, streamed: true },
    ]);
    await next.stop();
    await database.drop();
  },
);

const patiently = { timeout: 30_000, interval: 20 };

test.skipIf(server === undefined)(
  "SIGTERM while the database is silent: the exit is clean and soon, and the next process brings every row from the journal, once",
  async () => {
    if (!server) return;
    const database = await createDatabase(server.url, { template: server.template });
    await using line = await startTcpProxy(database.url);
    await using upstream = await startCountingUpstream({ thinkMs: 20 });
    const config = `${simpleConfig(upstream.url)}  database_url: ${line.url}\n  budget_enforcement: strict\n`;
    await using gateway = await startRestartable(config);
    await using opened = await openDatabaseAt(database.url);
    const { sql } = opened;
    const settings = { url: () => gateway.url, count: 2, fields: { max_tokens: 1_000 } };
    const free = await generateKey(gateway.url);
    const budgeted = await generateKey(gateway.url, { max_budget: 1_000 });
    // Each of the latter holds for a thousand tokens and takes one: what is held lasts through the silence.
    const loads = [
      new Callers({ ...settings, key: free }),
      new Callers({ ...settings, key: budgeted, tokens: 1 }),
    ];
    const answered = () => loads.flatMap((load) => load.answered);
    const answersAfter = (count: number) =>
      expect.poll(() => answered().length, patiently).toBeGreaterThan(count);
    // The poll that comes upon the new keys, half a second later at most, drops what was cached of them before, and in the
    // silence nobody could look them up again.
    await sleep(1_500);
    await answersAfter(20);

    // At first it hears what it is sent: some of those rows are there, and nobody who sent them knows.
    line.deafen();
    await answersAfter(answered().length + 10);
    line.silence();
    await answersAfter(answered().length + 10);
    await Promise.all(loads.map((load) => load.stop()));
    const ending = await within(gateway.stop("SIGTERM"), silentDrainMs, "end");

    expect(ending).toMatchObject({ code: 0, signal: null });
    expect((await rowsByCall(sql)).size).toBeLessThan(upstream.calls());
    expect((await verify(sql)).held).toBeGreaterThan(0n);

    await line.restore();
    await gateway.start();
    await expect.poll(async () => (await rowsByCall(sql)).size, patiently).toBe(upstream.calls());
    const rows = await rowsByCall(sql);
    for (const { requestId, tokens } of answered())
      expect(rows.get(requestId), requestId).toMatchObject([
        { cost: countedCost(tokens), status: "success" },
      ]);
    await expect.poll(async () => (await verify(sql)).held, patiently).toBe(0n);
    expect(await verify(sql)).toMatchObject({
      rows: BigInt(upstream.calls()),
      differences: [],
    });
  },
);

test("SIGINT without anything under way ends it cleanly, and the embedded database with it", async () => {
  await using upstream = await startUpstream();
  await using gateway = await startGatewayProcess(simpleConfig(upstream.url));
  const headers = { authorization: `Bearer ${masterKey}` };
  const made = await bodyOf(
    await fetch(`${gateway.url}/key/generate`, { method: "POST", headers, body: "{}" }),
  );
  expect(await gateway.stop("SIGINT")).toMatchObject({ code: 0, signal: null });

  await using next = await startGatewayProcess(simpleConfig(upstream.url), [], {
    directory: gateway.directory,
  });

  const info = await fetch(`${next.url}/key/info?key=${String(made["key"])}`, { headers });
  expect(info.status).toBe(200);
});

function refusesConnections(url: string): Promise<boolean> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve) => {
    const socket = connect(Number(port), hostname, () => resolve(!socket.destroy()));
    socket.on("error", () => resolve(true));
  });
}
