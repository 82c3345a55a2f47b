import { once } from "node:events";
import { request as httpRequest } from "node:http";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import {
  configText,
  expectError,
  masterKey,
  modelEntry,
  startGateway,
  type TestGateway,
} from "../testing/gateway.ts";

const megabyte = 1_048_576;
const maxBodyMb = 11;

let gateway: TestGateway;

beforeAll(async () => {
  gateway = await startGateway({
    config: (api_base) =>
      configText({
        model_list: [
          modelEntry({ model_name: "gpt", api_base }),
          modelEntry({ model_name: "any/*", model: "openai/*", api_base }),
        ],
        general_settings: { max_request_size_mb: maxBodyMb },
      }),
  });
});

afterEach(async () => {
  const response = await gateway.chat(masterKey);
  expect(response.status, "the gateway serves on").toBe(200);
  await response.text();
});

afterAll(() => gateway[Symbol.asyncDispose]());

const invalid = { status: 400, type: "invalid_request_error" };

function post(body: string): Promise<Response> {
  return gateway.request("POST", "/v1/chat/completions", { body });
}

const validBody = JSON.stringify({ model: "gpt", messages: [{ role: "user", content: "Hi" }] });

test.each([
  ["nothing", ""],
  ["half of an object", '{"model":"gpt","messages":[{"role":'],
  ["a form", "model=gpt&messages=Hi"],
  ["a list", `[${validBody}]`],
  ["null", "null"],
  ["a text", '"gpt"'],
  ["a number", "1"],
  ["a NUL", "\0"],
])("a body that is %s is refused", async (_what, body) => {
  await expectError(await post(body), invalid);
});

test.each<[string, Record<string, unknown>, string]>([
  ["no model", { model: undefined }, "model"],
  ["an empty model", { model: "" }, "model"],
  ["a number for a model", { model: 4 }, "model"],
  ["null for a model", { model: null }, "model"],
  ["messages that are a text", { messages: "Hi" }, "messages"],
  ["no messages", { messages: undefined }, "messages"],
  ["an empty list of messages", { messages: [] }, "messages"],
  ["a message without a role", { messages: [{ content: "Hi" }] }, "messages.0.role"],
  ["a message that is a text", { messages: ["Hi"] }, "messages.0"],
  ["stream that is a text", { stream: "yes" }, "stream"],
  ["stream that is a number", { stream: 1 }, "stream"],
  ["stream_options that are a text", { stream_options: "usage" }, "stream_options"],
  ["max_tokens below zero", { max_tokens: -1 }, "max_tokens"],
  ["max_tokens with a fraction", { max_tokens: 1.5 }, "max_tokens"],
  [
    "max_completion_tokens that are a text",
    { max_completion_tokens: "10" },
    "max_completion_tokens",
  ],
  ["n of zero", { n: 0 }, "n"],
])("a call with %s is refused, naming the field", async (_what, fields, param) => {
  const { length } = gateway.upstream.calls;

  const message = await expectError(await gateway.chat(masterKey, fields), { ...invalid, param });

  expect(message).toContain(param);
  expect(gateway.upstream.calls).toHaveLength(length);
});

test.each(["any/\0", "any/a\nb", "any/\u007f", "any/\ud800", "any/\udc00x"])(
  "a model name that no row could hold is refused up front: %j",
  async (model) => {
    await expectError(
      await post(JSON.stringify({ model, messages: [{ role: "user", content: "Hi" }] })),
      { ...invalid, param: "model" },
    );
  },
);

test.each(["any/ünï", "any/😀", "any/a b", "any/'; drop table spend_log; --", "any/\\u0000"])(
  "a strange model name reaches its row: %j",
  async (model) => {
    expect((await gateway.chat(masterKey, { model })).status).toBe(200);

    expect((await gateway.spendLogs("limit=1"))[0]).toMatchObject({ model, spend: 0.002 });
  },
);

test.each([
  "/openai/deployments/%00/chat/completions",
  "/openai/deployments/any%2F%00/chat/completions",
  "/openai/deployments/%zz/chat/completions",
  "/openai/deployments/%25zz/chat/completions",
  "/v1/engines/%ff/chat/completions",
])(
  "a path with a model that no row could hold, or that is no text, is refused: %s",
  async (path) => {
    const response = await gateway.request("POST", path, { body: validBody });

    expect([400, 404]).toContain(response.status);
    expect(await response.json()).toMatchObject({ error: { type: "invalid_request_error" } });
  },
);

test.each(["/v1/models/%00", "/v1/models/%25zz", "/v1/models/%ff", "/v1/models/any%2F%ed%a0%80"])(
  "a look-up of a model by an odd name is refused: %s",
  async (path) => {
    const response = await gateway.request("GET", path);

    expect([400, 404]).toContain(response.status);
    expect(await response.json()).toMatchObject({ error: { type: "invalid_request_error" } });
  },
);

test("an odd x-request-id never keeps a row from being written", async () => {
  for (const id of ["\u00e9\u00ff", "a\tb", "'; --", "%00", "\\u0000"]) {
    const response = await gateway.request("POST", "/v1/chat/completions", {
      body: validBody,
      headers: { "x-request-id": id },
    });
    expect(response.status).toBe(200);
    const [row] = await gateway.spendLogs("limit=1");
    expect(row?.["request_id"]).toBe(response.headers.get("x-request-id"));
  }
});

function bodyOf(bytes: number): string {
  const frame = JSON.stringify({ model: "gpt", messages: [{ role: "user", content: "" }] });
  return JSON.stringify({
    model: "gpt",
    messages: [{ role: "user", content: "x".repeat(bytes - frame.length) }],
  });
}

/** A POST in chunks, without content-length. What the client cannot send any more because it was answered is no error. */
async function postInChunks(body: string): Promise<Response> {
  const headers = { authorization: `Bearer ${masterKey}`, "transfer-encoding": "chunked" };
  const sending = httpRequest(`${gateway.url}/v1/chat/completions`, { method: "POST", headers });
  sending.on("error", () => undefined);
  const answered = once(sending, "response");
  for (let at = 0; at < body.length && !sending.destroyed; at += megabyte)
    sending.write(body.slice(at, at + megabyte));
  sending.end();
  const [response] = await answered;
  let text = "";
  for await (const part of response) text += String(part);
  return new Response(text, { status: response.statusCode, headers: response.headers });
}

test("a body of 10 MB is taken, whole and in chunks", async () => {
  const body = bodyOf(10 * megabyte);

  expect((await post(body)).status).toBe(200);
  expect(gateway.upstream.calls.at(-1)?.text).toHaveLength(
    body.length + "gpt-real".length - "gpt".length,
  );
  expect((await postInChunks(body)).status).toBe(200);
});

test("a body above max_request_size_mb is refused with 413, whether its length is told or not", async () => {
  const tooLarge = { status: 413, type: "invalid_request_error", code: "request_too_large" };
  const { length } = gateway.upstream.calls;

  for (const megabytes of [maxBodyMb + 0.001, 40]) {
    expect(
      await expectError(await post(bodyOf(Math.ceil(megabytes * megabyte))), tooLarge),
    ).toContain(`${maxBodyMb} MB`);
    await expectError(await postInChunks(bodyOf(Math.ceil(megabytes * megabyte))), tooLarge);
  }

  expect(gateway.upstream.calls).toHaveLength(length);
});

test("a route that does not exist is 404, and another method 405 with those that there are", async () => {
  for (const path of ["/v1/nothing", "/nothing", "/v1/chat", "/v1/chat/completions/x"])
    await expectError(await gateway.request("POST", path, { body: validBody }), {
      status: 404,
      type: "invalid_request_error",
    });

  for (const [method, path, allow] of [
    ["GET", "/v1/chat/completions", "POST"],
    ["DELETE", "/chat/completions", "POST"],
    ["POST", "/v1/models", "GET"],
    ["PUT", "/openai/deployments/gpt/embeddings", "POST"],
  ] as const) {
    const response = await gateway.request(method, path);
    await expectError(response, { status: 405, type: "invalid_request_error" });
    expect(response.headers.get("allow")).toContain(allow);
  }
});

test.each([
  [405, "GET", "/v1/messages"],
  [405, "DELETE", "/messages"],
  [405, "PUT", "/v1/messages/count_tokens"],
  [405, "GET", "/openai/deployments/gpt/messages"],
  [404, "GET", "/v1/messages/batches"],
  [404, "POST", "/v1/messages/batches/msgbatch_1/cancel"],
  [404, "POST", "/v1/messages/count_tokens/x"],
])("on Anthropic's routes it is %i in Anthropic's shape: %s %s", async (status, method, path) => {
  const response = await gateway.request(method, path);

  expect(await response.json()).toEqual({
    type: "error",
    error: {
      type: status === 404 ? "not_found_error" : "invalid_request_error",
      message: expect.stringMatching(status === 404 ? path : `^Cannot ${method} .* takes POST$`),
    },
  });
  expect(response.status).toBe(status);
  expect(response.headers.get("allow")).toBe(status === 405 ? "POST" : null);
});
