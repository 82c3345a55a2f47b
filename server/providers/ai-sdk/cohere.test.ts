import { afterAll, beforeAll, expect, test } from "vitest";
import { type FakeUpstream, sendJson, startUpstream } from "../../testing/fake-upstream.ts";
import { cohere } from "./ai-sdk.ts";
import {
  answerOf,
  ask,
  fixture,
  limits,
  readAll,
  settings,
  streamed,
  told,
  whole,
} from "./fixtures/reading.ts";

let upstream: FakeUpstream;

beforeAll(async () => {
  upstream = await startUpstream();
});
afterAll(() => upstream.close());

function open(model = "command-a-reasoning-08-2025") {
  return cohere.open(settings({ model, apiBase: upstream.url, headers: { "x-team": "blue" } }));
}

function answerWith(text: string) {
  upstream.answer((_call, response) => {
    response.writeHead(200, { "content-type": "text/event-stream" }).end(text);
  });
}

async function stream(fields: Parameters<typeof ask>[0] = {}) {
  const opened = await open();
  const outcome = answerOf(await opened.prepareChat(ask(fields), streamed)(limits()));
  return { ...(await readAll(outcome.answer)), dropped: outcome.dropped };
}

test("a thought and a text, at the tokens that are billed", async () => {
  answerWith(fixture("cohere-thinking.sse"));
  expect(await stream()).toEqual({
    failure: undefined,
    dropped: [],
    events: [
      { type: "start", id: "29f14a5a-11de-4cae-9800-25e4747408ea" },
      { type: "reasoning-delta", text: "The user greets" },
      { type: "text-delta", text: "Hello" },
      { type: "text-delta", text: " there" },
      { type: "usage", usage: expect.objectContaining({ input: 3, output: 9 }) },
      { type: "finish", reason: "stop" },
    ],
  });
  expect(upstream.calls.at(-1)).toMatchObject({
    path: "/chat",
    headers: { authorization: "Bearer key-of-a-test", "x-team": "blue" },
  });
});

test("calls side by side", async () => {
  answerWith(fixture("cohere-tools.sse"));
  const { events } = await stream();
  expect(events.slice(1)).toEqual([
    { type: "tool-call", index: 0, id: "weather_0kq7e5rbdn5m", name: "weather" },
    { type: "tool-arguments-delta", index: 0, json: '{"city":' },
    { type: "tool-arguments-delta", index: 0, json: ' "Oslo"}' },
    { type: "tool-call", index: 1, id: "weather_z2h8d1k4m0vw", name: "weather" },
    { type: "tool-arguments-delta", index: 1, json: '{"city": "Rome"}' },
    { type: "usage", usage: expect.objectContaining({ input: 36, output: 41 }) },
    { type: "finish", reason: "tool-calls" },
  ]);
});

test("half a stream is broken, though the package ends it with a finish", async () => {
  const text = fixture("cohere-thinking.sse");
  answerWith(text.slice(0, text.indexOf("event: message-end")));
  const { events, failure } = await stream();
  expect(events.at(-1)).toEqual({ type: "text-delta", text: " there" });
  expect(failure).toMatchObject({ kind: "broken" });
});

test("a piece that makes no sense is an error, and is not quoted", async () => {
  const text = fixture("cohere-thinking.sse");
  answerWith(text.replace('{"text":" there"}', '{"secret":"sauce"}'));
  const { events } = await stream();
  expect(events.at(-1)).toEqual({
    type: "error",
    message: "Cannot read a piece of the answer",
    code: null,
  });
});

test("the parameters of a chat in Cohere's words", async () => {
  answerWith(fixture("cohere-thinking.sse"));
  const { dropped } = await stream({
    messages: [
      { role: "system", content: "Be kind" },
      {
        role: "user",
        content: [
          { type: "text", text: "What is this?" },
          { type: "image_url", image_url: { url: "https://example.com/cat.png" } },
        ],
      },
    ],
    max_completion_tokens: 100,
    temperature: 0.5,
    top_p: 0.9,
    top_k: 40,
    seed: 7,
    stop: "END",
    presence_penalty: 0.1,
    frequency_penalty: 0.2,
    thinking: { type: "enabled", budget_tokens: 64 },
    response_format: { type: "json_object" },
    tools: [{ type: "function", function: { name: "weather" } }],
    tool_choice: "required",
    user: "u",
    logit_bias: { "1": 1 },
    parallel_tool_calls: true,
  });
  expect(dropped).toEqual(["user", "logit_bias"]);
  expect(upstream.calls.at(-1)?.body).toEqual({
    model: "command-a-reasoning-08-2025",
    messages: [
      { role: "system", content: "Be kind" },
      {
        role: "user",
        content: [
          { type: "text", text: "What is this?" },
          { type: "image_url", image_url: { url: "https://example.com/cat.png" } },
        ],
      },
    ],
    max_tokens: 100,
    temperature: 0.5,
    p: 0.9,
    k: 40,
    seed: 7,
    stop_sequences: ["END"],
    presence_penalty: 0.1,
    frequency_penalty: 0.2,
    thinking: { type: "enabled", token_budget: 64 },
    response_format: { type: "json_object" },
    tools: [
      {
        type: "function",
        function: { name: "weather", parameters: { type: "object", properties: {} } },
      },
    ],
    tool_choice: "REQUIRED",
    stream: true,
  });
});

test("a document that the package takes as text only is refused before anything has left", async () => {
  const before = upstream.calls.length;
  const opened = await open();
  const file = { file_data: "data:application/pdf;base64,JVBERi0=", filename: "a.pdf" };
  const chat = ask({ messages: [{ role: "user", content: [{ type: "file", file }] }] });
  expect(await opened.prepareChat(chat, streamed)(limits())).toMatchObject({
    kind: "inexpressible",
    error: {
      code: "invalid_request",
      details: { param: "messages" },
      message: expect.stringContaining("application/pdf"),
    },
  });
  expect(upstream.calls.length).toBe(before);
});

test("a refused request is handed on as it came", async () => {
  upstream.answer((_call, response) =>
    sendJson(response, { id: "1", message: "invalid api token" }, 401),
  );
  const opened = await open();
  expect(told(await opened.prepareChat(ask(), streamed)(limits()))).toMatchObject({
    kind: "refused",
    status: 401,
    body: '{"id":"1","message":"invalid api token"}',
  });
});

test("texts are embedded 96 at a time, in their order", async () => {
  upstream.answer(({ body }, response) => {
    const texts = body["texts"] as string[];
    sendJson(response, {
      id: "da6e531f-54c5-4a73-bf92-f60566d8d753",
      embeddings: { float: texts.map((text) => [Number(text), 1]) },
      texts,
      meta: { api_version: { version: "2" }, billed_units: { input_tokens: texts.length } },
      response_type: "embeddings_by_type",
    });
  });
  const before = upstream.calls.length;
  const opened = await open("embed-v4.0");
  const input = Array.from({ length: 200 }, (_, index) => String(index));
  const request = {
    model: "group",
    input,
    dimensions: 256,
    input_type: "search_document",
    encoding_format: "base64",
    user: "u",
  };
  const outcome = answerOf(
    (await opened.prepareEmbedding?.(request, whole)(limits())) ?? {
      kind: "failed",
      failure: { kind: "broken", reason: "embeds nothing" },
    },
  );
  expect(outcome.dropped).toEqual(["user"]);
  expect(outcome.answer.vectors).toEqual(input.map((text) => [Number(text), 1]));
  expect(outcome.answer.usage).toMatchObject({ input: 200, output: 0 });
  expect(upstream.calls.length - before).toBe(3);
  expect(upstream.calls.at(-1)?.body).toMatchObject({
    input_type: "search_document",
    output_dimension: 256,
  });
});

test("the first batch that fails is the outcome of all", async () => {
  upstream.answer((_call, response) => sendJson(response, { message: "too many" }, 429));
  const opened = await open("embed-v4.0");
  const input = Array.from({ length: 2000 }, String);
  const outcome = await opened.prepareEmbedding?.({ model: "group", input }, whole)(limits());
  expect(outcome && told(outcome)).toMatchObject({ kind: "refused", status: 429 });
});

test("what the batches before a failed one consumed is told with the failure", async () => {
  let calls = 0;
  upstream.answer(({ body }, response) => {
    calls += 1;
    if (calls === 2) return sendJson(response, { message: "boom" }, 500);
    const texts = body["texts"] as string[];
    sendJson(response, {
      id: "da6e531f-54c5-4a73-bf92-f60566d8d753",
      embeddings: { float: texts.map(() => [1, 2]) },
      texts,
      meta: { billed_units: { input_tokens: 5000 } },
    });
  });
  const opened = await open("embed-v4.0");
  const input = Array.from({ length: 100 }, (_, index) => String(index));
  const outcome = await opened.prepareEmbedding?.({ model: "group", input }, whole)(limits());
  expect(outcome).toMatchObject({ kind: "refused", status: 500, usage: { input: 5000 } });
});

test("token ids are refused, since Cohere embeds text only", async () => {
  const opened = await open("embed-v4.0");
  expect(() => opened.prepareEmbedding?.({ model: "group", input: [1, 2, 3] }, whole)).toThrow(
    expect.objectContaining({ code: "invalid_request", details: { param: "input" } }),
  );
});
