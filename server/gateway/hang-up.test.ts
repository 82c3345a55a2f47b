import { EventEmitter, once } from "node:events";
import type { ServerResponse } from "node:http";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { expect, test, vi } from "vitest";
import {
  openStream,
  reportedUsage,
  sendJson,
  type UpstreamCall,
} from "../testing/fake-upstream.ts";
import { configText, modelEntry, startGateway, type TestGateway } from "../testing/gateway.ts";

const event = (content: string) =>
  `data: ${JSON.stringify({ model: "gpt-real", choices: [{ index: 0, delta: { content } }] })}\n\n`;

/** How soon the upstream is to know that its client's client is gone. */
const noticeMs = 100;

/** A chat as bytes on a connection: unlike fetch, it can stop reading and hang up at will. */
async function openChat(
  gateway: TestGateway,
  key: string,
  fields: Record<string, unknown> = {},
): Promise<Socket> {
  const { hostname, port } = new URL(gateway.url);
  const socket = connect(Number(port), hostname);
  const body = JSON.stringify({
    model: "gpt",
    messages: [{ role: "user", content: "Hi" }],
    ...fields,
  });
  const head = [
    `POST /v1/chat/completions HTTP/1.1`,
    `host: ${hostname}`,
    `authorization: Bearer ${key}`,
    `content-length: ${Buffer.byteLength(body)}`,
  ];
  await once(socket, "connect");
  socket.write(`${head.join("\r\n")}\r\n\r\n${body}`);
  return socket;
}

/** Resolves with the next call that arrives at the upstream, once `begin` has begun to answer it. It is left open. */
function nextCall(
  gateway: TestGateway,
  begin: (response: ServerResponse) => void = () => undefined,
): Promise<UpstreamCall> {
  return new Promise((resolve) => {
    gateway.upstream.answer((call, response) => {
      begin(response);
      resolve(call);
    });
  });
}

/** Resolves once the upstream's connection has ended too: after how many milliseconds. */
async function hangUp(socket: Socket, call: UpstreamCall): Promise<number> {
  const hungUpAtMs = performance.now();
  socket.destroy();
  expect(await call.closed).toMatchObject({ wasComplete: false });
  return performance.now() - hungUpAtMs;
}

async function onlyRow(gateway: TestGateway): Promise<Record<string, unknown>> {
  return vi.waitFor(async () => {
    const rows = await gateway.spendLogs();
    expect(rows).toHaveLength(1);
    return rows[0] ?? {};
  });
}

test.each([
  ["in mid-stream", true, (response: ServerResponse) => openStream(response, event("Hello"))],
  ["before a stream begins", true, undefined],
  ["while a whole reply is awaited", false, undefined],
])("the upstream's connection ends within 100 ms of a hang-up %s", async (_when, stream, begin) => {
  await using gateway = await startGateway();
  const key = await gateway.generateKey();
  const delaysMs: number[] = [];

  for (let round = 0; round < 5; round += 1) {
    const called = nextCall(gateway, begin);
    const socket = await openChat(gateway, key, { stream });
    const call = await called;
    if (begin) await once(socket, "data");
    delaysMs.push(await hangUp(socket, call));
  }

  // The median: a busy machine delays some, a gateway that waits for something delays most.
  const [, , medianMs] = delaysMs.toSorted((left, right) => left - right);
  expect(medianMs).toBeLessThan(noticeMs);
});

test("a client that hangs up in mid-stream stops the upstream and pays for what was generated", async () => {
  await using gateway = await startGateway();
  const key = await gateway.generateKey();
  const called = nextCall(gateway, (response) =>
    openStream(response, event("Hello there, how are you")),
  );
  const socket = await openChat(gateway, key, { stream: true });
  const call = await called;
  await once(socket, "data");

  await hangUp(socket, call);

  expect(await onlyRow(gateway)).toMatchObject({
    status: "aborted",
    error_code: "client_closed",
    estimated: true,
    streamed: true,
    usage: { input: 8, output: 6 },
    spend: 0.00002,
  });
  expect(await gateway.spendOf(key)).toBe(0.00002);
});

test("a client that hangs up while a whole reply is awaited stops the upstream and pays the estimate", async () => {
  await using gateway = await startGateway();
  const key = await gateway.generateKey();
  const called = nextCall(gateway);
  const socket = await openChat(gateway, key, { max_tokens: 100 });
  const call = await called;

  await hangUp(socket, call);

  expect(await onlyRow(gateway)).toMatchObject({
    status: "aborted",
    estimated: true,
    streamed: false,
    usage: { input: 8, output: 100 },
  });
  expect(await gateway.spendOf(key)).toBe(0.000208);
});

test("a client that hangs up in the middle of a whole reply's body stops the upstream too", async () => {
  await using gateway = await startGateway();
  const key = await gateway.generateKey();
  const called = nextCall(gateway, (response) => {
    response.writeHead(200, { "content-type": "application/json" }).write('{"choices":');
  });
  const socket = await openChat(gateway, key, { max_tokens: 100 });

  await hangUp(socket, await called);

  expect(await onlyRow(gateway)).toMatchObject({
    status: "aborted",
    estimated: true,
    usage: { output: 100 },
  });
});

test("a client that hangs up before a stream's first chunk pays for its prompt", async () => {
  await using gateway = await startGateway();
  const key = await gateway.generateKey();
  const called = nextCall(gateway);
  const socket = await openChat(gateway, key, { stream: true });

  await hangUp(socket, await called);

  expect(await onlyRow(gateway)).toMatchObject({
    status: "aborted",
    estimated: true,
    usage: { input: 8, output: 0 },
  });
});

test("a client that leaves before the upstream's connection stands is not sent to the next, and pays nothing", async () => {
  // Takes connections and never answers a handshake.
  const deaf = createServer();
  await once(deaf.listen(0, "127.0.0.1"), "listening");
  const { port } = deaf.address() as AddressInfo;
  const api_base = `https://127.0.0.1:${port}`;
  await using gateway = await startGateway({
    config: (next) =>
      configText({
        model_list: [
          modelEntry({ model_name: "gpt", api_base }),
          modelEntry({ model_name: "gpt", api_base: next, weight: 0 }),
        ],
      }),
  });
  const key = await gateway.generateKey();
  const connected = once(deaf, "connection");
  const socket = await openChat(gateway, key);
  const [connection] = (await connected) as [Socket];

  socket.destroy();
  // By the time that a later connection is served, the gateway has seen the end of this one.
  await gateway.request("GET", "/health/liveliness");
  connection.destroy();

  expect(await onlyRow(gateway)).toMatchObject({ status: "failure", spend: 0, estimated: false });
  expect(gateway.upstream.calls).toEqual([]);
  deaf.close();
});

test("a body of hostile depth that is left unpaid by its upstream neither stops the gateway nor goes unrecorded", async () => {
  await using gateway = await startGateway();
  const key = await gateway.generateKey();
  const depth = 200_000;
  const tools = `[{"x":${"[".repeat(depth)}${"]".repeat(depth)}}]`;
  gateway.upstream.answer((_call, response) =>
    sendJson(response, { choices: [{ message: { content: "Hello" } }] }),
  );
  const body = `{"model":"gpt","messages":[{"role":"user","content":"Hi"}],"tools":${tools}}`;

  const response = await gateway.request("POST", "/v1/chat/completions", { key, body });

  expect(response.status).toBe(200);
  expect(await onlyRow(gateway)).toMatchObject({ status: "success" });
});

test("a client that does not read holds the upstream back, and is served on when it reads again", async () => {
  await using gateway = await startGateway();
  const key = await gateway.generateKey();
  const chunk = event("x".repeat(64 * 1024));
  const totalBytes = 64 * 1024 * 1024;
  const upstream = new EventEmitter();
  const stalled = once(upstream, "stalled");
  gateway.upstream.answer(async (_call, response) => {
    openStream(response);
    let sentBytes = 0;
    for (; sentBytes < totalBytes; sentBytes += chunk.length) {
      if (response.write(chunk)) continue;
      const patience = setTimeout(() => upstream.emit("stalled", sentBytes), 500);
      await once(response, "drain");
      clearTimeout(patience);
    }
    upstream.emit("stalled", sentBytes);
    response.end(
      `data: ${JSON.stringify({ choices: [], usage: reportedUsage })}\n\ndata: [DONE]\n\n`,
    );
  });
  const socket = await openChat(gateway, key, { stream: true });

  // What the kernel's four socket buffers take, with room to spare.
  const [heldAtBytes] = (await stalled) as [number];
  expect(heldAtBytes).toBeLessThan(totalBytes / 2);

  let receivedBytes = 0;
  let tail = "";
  for await (const bytes of socket) {
    receivedBytes += (bytes as Buffer).length;
    tail = (tail + (bytes as Buffer).toString("latin1")).slice(-40);
    if (tail.includes("[DONE]")) break;
  }
  expect(receivedBytes).toBeGreaterThan(totalBytes * 0.99);
  expect(await gateway.spendOf(key)).toBe(0.002);
});
