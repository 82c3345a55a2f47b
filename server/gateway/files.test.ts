import { EventEmitter, once } from "node:events";
import { createServer, type RequestListener } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { toFile } from "openai";
import { expect, test } from "vitest";
import { sendJson } from "../testing/fake-upstream.ts";
import {
  configText,
  expectError,
  masterKey,
  modelEntry,
  startGateway,
} from "../testing/gateway.ts";
import { temporaryDirectory } from "../testing/gateway-process.ts";
import { openAiClient } from "../testing/media-gateway.ts";

const forbidden = { status: 403, type: "permission_error", code: "route_not_allowed" };

function startFileGateway(settings: object = { files_model: "account" }, address?: string) {
  return startGateway({
    config: (url) =>
      configText({
        model_list: [
          modelEntry({ model_name: "account", api_base: "http://a", mock_response: "Hi" }),
          modelEntry({ model_name: "account", api_base: `${address ?? url}/v1` }),
          modelEntry({ model_name: "mock", api_base: "http://a", mock_response: "Hi" }),
        ],
        general_settings: settings,
      }),
  });
}

test("a file is sent on byte for byte, under the upstream's credentials", async () => {
  await using gateway = await startFileGateway();
  gateway.upstream.answer((_call, response) =>
    sendJson(response, { id: "file-1", object: "file" }),
  );
  const content = Buffer.concat([Buffer.from('{"custom_id":"1"}\r\n'), Buffer.from([0, 255])]);

  const file = await openAiClient(gateway).files.create({
    file: await toFile(content, "batch.jsonl"),
    purpose: "batch",
  });

  expect(file.id).toBe("file-1");
  const [call] = gateway.upstream.calls;
  expect(call).toMatchObject({ method: "POST", path: "/v1/files" });
  expect(call?.headers.authorization).toBe("Bearer upstream-secret");
  expect(call?.bytes.includes(content)).toBe(true);
  expect(await gateway.spendLogs()).toEqual([]);
});

test("a file larger than what is kept in memory goes through", async () => {
  await using gateway = await startFileGateway({
    files_model: "account",
    max_request_size_mb: 1,
  });
  gateway.upstream.answer((_call, response) => sendJson(response, { id: "file-1" }));

  await openAiClient(gateway).files.create({
    file: await toFile(Buffer.alloc(20 * 1024 * 1024), "large.jsonl"),
    purpose: "batch",
  });

  expect(gateway.upstream.calls[0]?.bytes.length).toBeGreaterThan(20 * 1024 * 1024);
});

test("every route of files and batches goes to its address, with and without /v1", async () => {
  await using gateway = await startFileGateway();
  gateway.upstream.answer((_call, response) => sendJson(response, { id: "x", data: [] }));
  const batch = { input_file_id: "file-1", endpoint: "/v1/chat/completions" };
  const calls: [string, string, object?][] = [
    ["GET", "/files?limit=2&purpose=batch&after=file-0&order=asc&user=x"],
    ["GET", "/v1/files/file-1"],
    ["DELETE", "/v1/files/file-1"],
    ["POST", "/v1/batches", batch],
    ["GET", "/v1/batches"],
    ["GET", "/batches/batch_1"],
    ["POST", "/v1/batches/batch_1/cancel"],
  ];

  for (const [method, path, body] of calls)
    expect((await gateway.request(method, path, body ? { body } : {})).status).toBe(200);

  expect(gateway.upstream.calls.map(({ method, path }) => `${method} ${path}`)).toEqual([
    "GET /v1/files?limit=2&after=file-0&order=asc&purpose=batch",
    "GET /v1/files/file-1",
    "DELETE /v1/files/file-1",
    "POST /v1/batches",
    "GET /v1/batches",
    "GET /v1/batches/batch_1",
    "POST /v1/batches/batch_1/cancel",
  ]);
  expect(gateway.upstream.calls[3]?.body).toEqual(batch);
});

test("the content of a file comes as it is", async () => {
  await using gateway = await startFileGateway();
  const content = Buffer.from([0, 255, 10, 13]);
  gateway.upstream.answer((_call, response) => {
    response
      .writeHead(200, {
        "content-type": "application/octet-stream",
        "content-disposition": 'attachment; filename="a.jsonl"',
      })
      .end(content);
  });

  const reply = await openAiClient(gateway).files.content("file-1");

  expect(gateway.upstream.calls[0]?.path).toBe("/v1/files/file-1/content");
  expect(reply.headers.get("content-type")).toBe("application/octet-stream");
  expect(reply.headers.get("content-disposition")).toBe('attachment; filename="a.jsonl"');
  expect(Buffer.from(await reply.arrayBuffer())).toEqual(content);
});

test("only the master key, and a key of which it is said, may ask", async () => {
  await using gateway = await startFileGateway();
  gateway.upstream.answer((_call, response) => sendJson(response, { data: [] }));
  const any = await gateway.generateKey();
  const calls = await gateway.generateKey({ allowed_routes: ["llm_api_routes"] });
  const all = await gateway.generateKey({ allowed_routes: ["/*"] });
  const files = await gateway.generateKey({ allowed_routes: ["/v1/files*"] });
  const list = (path: string, key: string | null) => gateway.request("GET", path, { key });

  for (const key of [any, calls, all]) await expectError(await list("/v1/files", key), forbidden);
  await expectError(await list("/v1/batches", files), forbidden);
  await expectError(await list("/v1/files", null), {
    status: 401,
    type: "auth_error",
    code: "invalid_api_key",
  });
  expect(gateway.upstream.calls).toEqual([]);
  for (const key of [files, masterKey]) expect((await list("/v1/files", key)).status).toBe(200);
});

test("a key with a budget is refused, since no budget sees what a batch costs", async () => {
  await using gateway = await startFileGateway();
  const key = await gateway.generateKey({
    allowed_routes: ["/files*", "/batches*"],
    max_budget: 100,
  });

  for (const path of ["/v1/files", "/v1/batches"])
    await expectError(await gateway.request("GET", path, { key }), {
      status: 400,
      type: "invalid_request_error",
      code: "model_not_priced",
    });
});

test("a key's limit of requests counts them", async () => {
  await using gateway = await startFileGateway();
  gateway.upstream.answer((_call, response) => sendJson(response, { data: [] }));
  const key = await gateway.generateKey({ allowed_routes: ["/files*"], rpm_limit: 1 });

  expect((await gateway.request("GET", "/v1/files", { key })).status).toBe(200);
  expect((await gateway.request("GET", "/v1/files", { key })).status).toBe(429);
});

test.each<[string, object]>([
  ["is not set", {}],
  ["names a model without an upstream", { files_model: "mock" }],
])("where files_model %s there are no files, and the message says why", async (_how, settings) => {
  await using gateway = await startFileGateway(settings);

  const message = await expectError(await gateway.request("GET", "/v1/files"), {
    status: 404,
    type: "invalid_request_error",
  });

  expect(message).toContain("general_settings.files_model");
});

test("what is no id goes nowhere", async () => {
  await using gateway = await startFileGateway();

  for (const id of ["..%2Fmodels", "a%20b", "a.b", "a%3Fb", "%2e%2e"])
    expect((await gateway.request("GET", `/v1/files/${id}`)).status).toBeGreaterThanOrEqual(400);

  expect(gateway.upstream.calls).toEqual([]);
});

test("what the upstream says of a file that it does not know is told, and its own faults are not", async () => {
  await using gateway = await startFileGateway();
  const error = { message: "No such File object: file-9", type: "invalid_request_error" };
  gateway.upstream.answer((_call, response) => sendJson(response, { error }, 404));
  expect(
    await expectError(await gateway.request("GET", "/v1/files/file-9"), {
      status: 404,
      type: "invalid_request_error",
    }),
  ).toBe(error.message);

  gateway.upstream.answer((_call, response) =>
    sendJson(response, { error: { message: "Incorrect API key: upstream-secret" } }, 401),
  );
  await expectError(await gateway.request("GET", "/v1/files"), {
    status: 502,
    type: "upstream_error",
  });
});

/** An upstream that answers, or not, before it has read what it is sent. */
async function startHasty(answer: RequestListener) {
  const server = createServer(answer);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

test("an upload that the upstream refuses before it has read it is told so", async () => {
  await using upstream = await startHasty((_request, response) =>
    sendJson(response, { error: { message: "too large", type: "invalid_request_error" } }, 413),
  );
  await using gateway = await startFileGateway(undefined, upstream.url);

  await expect(
    openAiClient(gateway).files.create({
      file: await toFile(Buffer.alloc(4 * 1024 * 1024), "large.jsonl"),
      purpose: "batch",
    }),
  ).rejects.toMatchObject({ status: 413, error: { message: "too large" } });
});

test("a client that hangs up in mid-upload stops the upstream", async () => {
  const events = new EventEmitter();
  await using upstream = await startHasty((request) => {
    request.once("data", () => events.emit("data"));
    request.once("error", () => undefined);
    request.once("close", () => events.emit("close"));
  });
  await using gateway = await startFileGateway(undefined, upstream.url);
  const { hostname, port } = new URL(gateway.url);
  const [arrived, closed] = [once(events, "data"), once(events, "close")];
  const socket = connect(Number(port), hostname);
  const head = [
    "POST /v1/files HTTP/1.1",
    `host: ${hostname}`,
    `authorization: Bearer ${masterKey}`,
    "content-type: multipart/form-data; boundary=x",
    "content-length: 1000000",
  ];
  socket.write(`${head.join("\r\n")}\r\n\r\n--x\r\n`);
  await arrived;

  socket.destroy();

  await closed;
  await gateway.deps.gateway.inFlight.none();
});

test("an upload that custom auth has looked at goes through too", async () => {
  await using folder = await temporaryDirectory({
    "custom_auth.js":
      "export const user_api_key_auth = async (request, key) => ((await request.text()).includes('purpose') ? { api_key: key, allowed_routes: ['/files'] } : null);",
  });
  await using gateway = await startGateway({
    directory: folder.path,
    config: (url) =>
      configText({
        model_list: [modelEntry({ model_name: "account", api_base: `${url}/v1` })],
        general_settings: {
          files_model: "account",
          custom_auth: "custom_auth.user_api_key_auth",
        },
      }),
  });
  gateway.upstream.answer((_call, response) => sendJson(response, { id: "file-1" }));
  const content = Buffer.from([0, 255, 13, 10]);

  await openAiClient(gateway, "sk-somebody").files.create({
    file: await toFile(content, "a.jsonl"),
    purpose: "batch",
  });

  expect(gateway.upstream.calls[0]?.bytes.includes(content)).toBe(true);
});

test("what is no upload and no batch is refused", async () => {
  await using gateway = await startFileGateway();

  for (const path of ["/v1/files", "/v1/batches"])
    await expectError(await gateway.request("POST", path, { body: "[]" }), {
      status: 400,
      type: "invalid_request_error",
    });
  expect(gateway.upstream.calls).toEqual([]);
});
