import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { sendJson } from "../testing/fake-upstream.ts";
import { type TestGateway, startGateway } from "../testing/gateway.ts";

let gateway: TestGateway;
let key: string;

beforeAll(async () => {
  gateway = await startGateway();
});

beforeEach(async () => {
  key = await gateway.generateKey();
});

afterAll(() => gateway[Symbol.asyncDispose]());

function ask(path: string, fields: Record<string, unknown>): Promise<Response> {
  return gateway.request("POST", path, { key, body: { model: "gpt", ...fields } });
}

const messages = [{ role: "user", content: "Hi" }];
const routes = [
  ["/v1/chat/completions", { messages }],
  ["/v1/completions", { prompt: "Hi" }],
  ["/v1/embeddings", { input: "Hi" }],
  ["/v1/images/generations", { prompt: "A cat" }],
  ["/v1/rerank", { query: "a", documents: ["b"] }],
] as const;

test.each(routes)(
  "%s: an error with status 200 is told with a status of its own, and costs nothing",
  async (path, fields) => {
    gateway.upstream.answer((_call, response) =>
      sendJson(response, {
        error: { message: "No more, upstream-secret", code: 502, metadata: { provider_name: "X" } },
        user_id: "user_1",
      }),
    );

    const response = await ask(path, fields);

    expect(response.status).toBe(502);
    expect(await response.json()).toMatchObject({
      error: { message: 'The upstream of model "gpt" broke off its answer: No more, ***' },
    });
    expect(await gateway.spendLogs(`api_key=${key}`)).toMatchObject([
      { status: "failure", error_code: "502", spend: 0, usage: null },
    ]);
  },
);

test.each([
  [{ code: 413, message: "Too large" }, 413, "413"],
  [{ code: "invalid_prompt", message: "Not this" }, 400, "invalid_prompt"],
])("one that is of the request's making is the request's: %j", async (error, status, code) => {
  gateway.upstream.answer((_call, response) => sendJson(response, { error }));

  const response = await ask("/v1/chat/completions", { messages });

  expect(response.status).toBe(status);
  expect(await response.json()).toMatchObject({ error: { message: error.message, code } });
});

test("one that is a text alone is told", async () => {
  gateway.upstream.answer((_call, response) => sendJson(response, { error: "out of memory" }));

  const response = await ask("/v1/chat/completions", { messages });

  expect(response.status).toBe(502);
  expect(await response.text()).toContain("out of memory");
});

test("failed Responses go to the client as they came: they tell of the error themselves", async () => {
  const failed = {
    id: "resp_1",
    object: "response",
    status: "failed",
    error: { code: "server_error", message: "Broken" },
    model: "gpt",
    output: [],
    usage: { input_tokens: 1000, output_tokens: 0 },
  };
  gateway.upstream.answer((_call, response) => sendJson(response, failed));

  const response = await ask("/v1/responses", { input: "Hi" });

  expect(response.status).toBe(200);
  expect(await response.json()).toEqual(failed);
  expect(await gateway.spendLogs(`api_key=${key}`)).toMatchObject([
    { status: "failure", error_code: "server_error", spend: 0.001, estimated: false },
  ]);
});

test.each([
  ["/v1/chat/completions", { messages }],
  ["/v1/responses", { input: "Hi" }],
])("%s: one in the place of a stream is told with a status of its own", async (path, fields) => {
  const error = { code: "server_error", message: "Broken" };
  gateway.upstream.answer((_call, response) => sendJson(response, { error }));

  const response = await ask(path, { ...fields, stream: true });

  expect(response.status).toBe(502);
  expect(await response.text()).toContain("broke off its answer: Broken");
  expect(await gateway.spendLogs(`api_key=${key}`)).toMatchObject([
    { status: "failure", error_code: "server_error", spend: 0 },
  ]);
});

test("what failed Responses quote of the upstream's key is not told", async () => {
  const error = { code: "server_error", message: "Bad key upstream-secret" };
  gateway.upstream.answer((_call, response) => sendJson(response, { status: "failed", error }));

  const response = await ask("/v1/responses", { input: "Hi" });

  expect(await response.json()).toEqual({
    status: "failed",
    error: { code: "server_error", message: "Bad key ***" },
  });
});

test("Responses that failed on their way are failures, whatever was written until then", async () => {
  const failed = {
    status: "failed",
    error: { code: "server_error", message: "Broken" },
    output: [{ type: "message", content: [{ type: "output_text", text: "Hel" }] }],
  };
  gateway.upstream.answer((_call, response) => sendJson(response, failed));

  const response = await ask("/v1/responses", { input: "Hi" });

  expect(await response.json()).toEqual(failed);
  expect(await gateway.spendLogs(`api_key=${key}`)).toMatchObject([
    { status: "failure", error_code: "server_error", spend: 0 },
  ]);
});

test("an error that is no Response is told to who asked for one with a status of its own", async () => {
  const error = { message: "Incorrect key upstream-secret" };
  gateway.upstream.answer((_call, response) => sendJson(response, { error }));

  const response = await ask("/v1/responses", { input: "Hi" });

  expect(response.status).toBe(502);
  expect(await response.text()).toContain("Incorrect key ***");
});

test("a Response that was completed is none the worse for an error that says nothing", async () => {
  const reply = {
    id: "resp_1",
    status: "completed",
    error: { code: null, message: null },
    output: [{ type: "message", content: [{ type: "output_text", text: "Hello" }] }],
    usage: { input_tokens: 1000, output_tokens: 500 },
  };
  gateway.upstream.answer((_call, response) => sendJson(response, reply));

  const response = await ask("/v1/responses", { input: "Hi" });

  expect(await response.json()).toEqual(reply);
  expect(await gateway.spendLogs(`api_key=${key}`)).toMatchObject([{ status: "success" }]);
});

test("beside an answer that is empty, an error is one", async () => {
  const error = { code: 503, message: "Down" };
  for (const nothing of [null, [], ""]) {
    gateway.upstream.answer((_call, response) => sendJson(response, { error, choices: nothing }));
    expect((await ask("/v1/chat/completions", { messages })).status).toBe(502);
  }
});

test("a translated call is told of an error with status 200 in the upstream's words, whole or streamed", async () => {
  const error = {
    type: "invalid_request_error",
    code: "unsupported_value",
    message: "No such thing",
  };
  gateway.upstream.answer((_call, response) => sendJson(response, { error }));

  for (const stream of [false, true]) {
    const response = await ask("/v1/messages", { messages, max_tokens: 9, stream });

    expect(response.status).toBe(400);
    expect(await response.text()).toContain("No such thing");
  }
});

test.each([null, {}, "", false, { message: "", code: "" }])(
  "an answer is none the worse for an empty error in it: %j",
  async (error) => {
    const reply = { choices: [], error, usage: { prompt_tokens: 1000, completion_tokens: 500 } };
    gateway.upstream.answer((_call, response) => sendJson(response, reply));

    const response = await ask("/v1/chat/completions", { messages });

    expect(response.status).toBe(200);
    expect(await response.json()).toEqual(reply);
    expect(await gateway.spendOf(key)).toBe(0.002);
  },
);

test("nor for a warning beside it", async () => {
  const reply = { choices: [{ index: 0 }], error: { message: "Slow today" } };
  gateway.upstream.answer((_call, response) => sendJson(response, reply));

  const response = await ask("/v1/chat/completions", { messages });

  expect(response.status).toBe(200);
  expect(await response.json()).toEqual(reply);
});
