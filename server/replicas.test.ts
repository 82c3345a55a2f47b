import { afterAll, beforeAll, describe, expect, inject, test } from "vitest";
import { createDatabase, type CreatedDatabase } from "./testing/create-database.ts";
import { startUpstream, type FakeUpstream } from "./testing/fake-upstream.ts";
import { masterKey, simpleConfig } from "./testing/gateway.ts";
import { type GatewayProcess, startGatewayProcess } from "./testing/gateway-process.ts";
import { bodyOf } from "./testing/reply.ts";

const [server] = inject("postgresServers");

/** Two processes on one database that starts out empty, with a moment's head start for neither. */
describe.skipIf(server === undefined).each([
  ["with notifications", ""],
  ["by polling alone", "?pgbouncer=true"],
])("two replicas, %s", (_how, parameters) => {
  let database: CreatedDatabase;
  let upstream: FakeUpstream;
  let replicas: GatewayProcess[] = [];

  beforeAll(async () => {
    if (!server) throw new Error("Cannot test replicas: this run has no Postgres");
    [database, upstream] = await Promise.all([createDatabase(server.url), startUpstream()]);
    const config = `${simpleConfig(upstream.url)}  database_url: ${database.url}${parameters}\n  limits: per_replica\n`;
    const starting = [startGatewayProcess(config), startGatewayProcess(config)];
    replicas = (await Promise.allSettled(starting)).flatMap((start) =>
      start.status === "fulfilled" ? [start.value] : [],
    );
    await Promise.all(starting);
  });

  afterAll(async () => {
    for (const replica of replicas) await replica[Symbol.asyncDispose]();
    await Promise.all([upstream?.close(), database?.drop()]);
  });

  const send = (
    replica: number,
    path: string,
    { key = masterKey, body }: { key?: string; body?: unknown } = {},
  ) =>
    fetch(`${replicas[replica]?.url}${path}`, {
      method: body === undefined ? "GET" : "POST",
      headers: { authorization: `Bearer ${key}` },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
  const generate = async () =>
    String((await bodyOf(await send(0, "/key/generate", { body: {} })))["key"]);
  const chat = (replica: number, key: string) =>
    send(replica, "/v1/chat/completions", {
      key,
      body: { model: "gpt", messages: [{ role: "user", content: "Hi" }] },
    });

  /** How long until the other replica answers a call so, in milliseconds. */
  async function untilStatus(status: number, key: string): Promise<number> {
    const startedAtMs = performance.now();
    await expect
      .poll(async () => (await chat(1, key)).status, { timeout: 5_000, interval: 20 })
      .toBe(status);
    return performance.now() - startedAtMs;
  }

  test.each([
    ["blocked", "/key/block", (key: string) => ({ key }), 401],
    ["cut down", "/key/update", (key: string) => ({ key, models: ["no-default-models"] }), 403],
    ["deleted", "/key/delete", (key: string) => ({ keys: [key] }), 401],
  ])(
    "truth 5: a key %s through one is refused by the other within a second",
    async (_what, path, bodyFor, status) => {
      const key = await generate();
      expect((await chat(1, key)).status).toBe(200);

      expect((await send(0, path, { body: bodyFor(key) })).status).toBe(200);

      expect(await untilStatus(status, key)).toBeLessThan(1_000);
    },
  );

  test("truth 5: a key unblocked through one is taken by the other within a second", async () => {
    const key = await generate();
    await send(0, "/key/block", { body: { key } });
    expect((await chat(1, key)).status).toBe(401);

    await send(0, "/key/unblock", { body: { key } });

    expect(await untilStatus(200, key)).toBeLessThan(1_000);
  });

  test("truth 5: a secret that one has just refused is taken once the other has made a key of it", async () => {
    const key = `sk-chosen-${"by-the-test".padEnd(20, "x")}`;
    expect((await chat(1, key)).status).toBe(401);

    await send(0, "/key/generate", { body: { key } });

    expect(await untilStatus(200, key)).toBeLessThan(1_000);
  });

  test("what a key spends through one is seen through the other", async () => {
    const key = await generate();
    await (await chat(0, key)).text();
    await (await chat(1, key)).text();

    const spend = async () =>
      ((await bodyOf(await send(1, `/key/info?key=${key}`)))["info"] as { spend: number }).spend;
    await expect.poll(spend, { timeout: 3_000, interval: 50 }).toBe(0.004);
  });
});
