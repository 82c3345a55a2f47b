import { readFile } from "node:fs/promises";
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { register } from "prom-client";
import { toNodeHandler } from "srvx/node";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createApp } from "./app.ts";
import { packageRoot } from "./package.ts";
import { masterKey, startGateway, type TestGateway } from "./testing/gateway.ts";
import { type MetricsPage, parseMetrics } from "./testing/metrics-page.ts";
import { refusalOf } from "./testing/reply.ts";

let gateway: TestGateway;

beforeAll(async () => {
  gateway = await startGateway();
});

afterAll(() => gateway[Symbol.asyncDispose]());

const refused = (code: string) => `keyplane_requests_refused_total{code="${code}"}`;

const bearer = (key: string) => ({ authorization: `Bearer ${key}` });

async function readPage(): Promise<MetricsPage> {
  const response = await gateway.request("GET", "/metrics", { key: null });
  expect(response.status).toBe(200);
  expect(response.headers.get("content-type")).toBe("text/plain; version=0.0.4; charset=utf-8");
  return parseMetrics(await response.text());
}

test("every line of the page is one that Prometheus takes, and the process itself is on it", async () => {
  const page = await readPage();

  expect(page.get("process_cpu_seconds_total")).toBeGreaterThan(0);
  expect(page.get("nodejs_heap_size_used_bytes")).toBeGreaterThan(0);
  expect(page.has("nodejs_eventloop_lag_p99_seconds")).toBe(true);
});

test("docs/metrics.md has every metric of ours, and no other", async () => {
  const page = await (await gateway.request("GET", "/metrics")).text();
  const docs = await readFile(join(packageRoot, "docs/metrics.md"), "utf8");

  const served = [...page.matchAll(/^# TYPE (keyplane_\w+)/gm)].map(([, name]) => name);
  const told = [...docs.matchAll(/^\| `(keyplane_\w+)`/gm)].map(([, name]) => name);
  expect(told.toSorted()).toEqual(served.toSorted());
});

test("a call shows as an attempt at its deployment, with its tokens, its cost and its times", async () => {
  const [deployment] = gateway.deps.gateway.catalog().findGroup("gpt")?.deployments ?? [];
  const labels = `deployment="${deployment?.id}"`;
  const target = `model_group="gpt",provider="openai"`;
  const names = [
    `keyplane_attempts_total{${labels},error_code="",${target},status="success",streamed="true"}`,
    `keyplane_attempt_duration_seconds_count{${labels},${target},status="success",streamed="true"}`,
    `keyplane_time_to_first_token_seconds_count{${labels},${target},status="success",streamed="true"}`,
    `keyplane_tokens_total{bucket="input",${labels},${target}}`,
    `keyplane_tokens_total{bucket="output",${labels},${target}}`,
    `keyplane_spend_usd_total{${labels},${target}}`,
    `keyplane_unpriced_attempts_total{${labels},${target}}`,
  ];
  const before = await readPage();

  await (await gateway.chat(masterKey, { stream: true })).text();

  const added = async () => {
    const after = await readPage();
    return names.map((name) => (after.get(name) ?? 0) - (before.get(name) ?? 0));
  };
  await expect.poll(added).toEqual([1, 1, 1, 1000, 500, 0.002, 0]);
});

test("what the gateway refuses is counted by its code, what an upstream refuses is not", async () => {
  const codes = ["invalid_api_key", "model_not_found", "route_not_found", "invalid_request"];
  const before = await readPage();
  gateway.upstream.answer((_call, response) => {
    response.writeHead(400).end('{"error": {"message": "no", "code": "odd"}}');
  });

  expect((await gateway.chat("sk-unknown-to-everyone")).status).toBe(401);
  expect((await gateway.chat(masterKey, { model: "missing" })).status).toBe(404);
  expect((await gateway.request("GET", "/nowhere")).status).toBe(404);
  const input = encodeURIComponent('{"json":{"misspelt":1}}');
  expect((await gateway.request("GET", `/trpc/key.info?input=${input}`)).status).toBe(400);
  expect((await gateway.chat(masterKey)).status).toBe(400);

  const after = await readPage();
  const added = (code: string) =>
    (after.get(refused(code)) ?? 0) - (before.get(refused(code)) ?? 0);
  expect(codes.map((code) => [code, added(code)])).toEqual(codes.map((code) => [code, 1]));
  expect([...after.keys()].filter((name) => /refused.*(odd|upstream)/.test(name))).toEqual([]);
});

/** The same gateway on a server whose callers all have this address, as far as it can tell. */
async function startSeenFrom(address: string) {
  const app = createApp(gateway.deps);
  const server = createServer(toNodeHandler((request) => app.fetch(request)) as RequestListener);
  server.on("connection", (socket) =>
    Object.defineProperty(socket, "remoteAddress", { value: address }),
  );
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    get: (headers: Record<string, string> = {}) =>
      fetch(`http://127.0.0.1:${port}/metrics`, { headers }),
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

test.each(["192.0.2.7", "::ffff:192.0.2.7", "2001:db8::1"])(
  "from %s it takes the master key",
  async (address) => {
    await using elsewhere = await startSeenFrom(address);
    expect(await refusalOf(await elsewhere.get())).toMatchObject({
      status: 401,
      code: "invalid_api_key",
    });
    const key = await gateway.generateKey();
    expect(await refusalOf(await elsewhere.get(bearer(key)))).toMatchObject({
      status: 403,
      code: "route_not_allowed",
    });
    const response = await elsewhere.get(bearer(masterKey));
    expect(response.status).toBe(200);
    parseMetrics(await response.text());
  },
);

test.each(["127.0.0.1", "127.8.9.10", "::1", "::ffff:127.0.0.1"])(
  "from %s it is open",
  async (address) => {
    await using here = await startSeenFrom(address);

    const response = await here.get();

    expect(response.status).toBe(200);
    await response.text();
  },
);

test.each([
  ["x-forwarded-for", "192.0.2.7"],
  ["forwarded", "for=192.0.2.7"],
  ["x-real-ip", "192.0.2.7"],
  ["origin", "https://example.com"],
])("a proxy or a page on this machine does not open it to others: %s", async (name, value) => {
  const response = await gateway.request("GET", "/metrics", {
    key: null,
    headers: { [name]: value },
  });

  expect(await refusalOf(response)).toMatchObject({ status: 401 });
});

test("the library's global registry, which other code in the process may use, stays empty", async () => {
  await readPage();

  expect(register.getMetricsAsArray()).toEqual([]);
});
