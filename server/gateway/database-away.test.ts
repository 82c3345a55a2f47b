import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, inject, test } from "vitest";
import { simpleConfig, masterKey } from "../testing/gateway.ts";
import { type GatewayProcess, startGatewayProcess } from "../testing/gateway-process.ts";
import { startUpstream, type FakeUpstream } from "../testing/fake-upstream.ts";
import { findPostgres, startPostgres, type TestServer } from "../testing/postgres.ts";
import { bodyOf, refusalOf } from "../testing/reply.ts";

describe.skipIf(inject("postgresServers").length === 0)("a database that goes away", () => {
  let server: TestServer;
  let upstream: FakeUpstream;
  let gateway: GatewayProcess;

  beforeAll(async () => {
    const [installed] = await findPostgres();
    if (!installed) throw new Error("Cannot find the Postgres that this run has");
    [server, upstream] = await Promise.all([
      startPostgres(installed.binDirectory),
      startUpstream(),
    ]);
    const config = `${simpleConfig(upstream.url)}  database_url: ${server.url}\n  max_key_staleness_s: 10\n`;
    gateway = await startGatewayProcess(config);
  });

  afterAll(async () => {
    await gateway?.[Symbol.asyncDispose]();
    await Promise.all([server?.stop(), upstream?.close()]);
  });

  const send = (path: string, key: string, body?: unknown) =>
    fetch(gateway.url + path, {
      method: body === undefined ? "GET" : "POST",
      headers: { authorization: `Bearer ${key}` },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
  const chat = (key: string) =>
    send("/v1/chat/completions", key, {
      model: "gpt",
      messages: [{ role: "user", content: "Hi" }],
    });

  test("keys at hand are served until the database has been away for too long; all others get 503 at once", async () => {
    const warm = String((await bodyOf(await send("/key/generate", masterKey, {})))["key"]);
    const cold = String((await bodyOf(await send("/key/generate", masterKey, {})))["key"]);
    // The poll that comes upon the new keys, half a second later at most, drops what was cached of them before.
    await sleep(1_500);
    expect((await chat(warm)).status).toBe(200);

    await server.stop();

    expect((await chat(warm)).status).toBe(200);
    const unavailable = { status: 503, type: "service_unavailable", code: "database_unavailable" };
    const refused = await chat(cold);
    expect(Number(refused.headers.get("retry-after"))).toBeGreaterThan(0);
    expect(await refusalOf(refused)).toMatchObject(unavailable);
    expect(await refusalOf(await send(`/key/info?key=${warm}`, masterKey))).toMatchObject(
      unavailable,
    );
    expect(await refusalOf(await send("/key/generate", masterKey, {}))).toMatchObject(unavailable);

    await expect
      .poll(async () => (await chat(warm)).status, { timeout: 30_000, interval: 200 })
      .toBe(503);
    expect(await refusalOf(await chat(warm))).toMatchObject(unavailable);
    expect((await send("/health/readiness", masterKey)).status).toBe(503);
    expect((await send("/health/liveliness", masterKey)).status).toBe(200);
    // The master key needs no database to be known.
    expect((await chat(masterKey)).status).toBe(200);
  });
});
