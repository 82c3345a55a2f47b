import { afterAll, beforeAll, expect, test } from "vitest";
import { type FakeUpstream, sendJson, startUpstream } from "../../testing/fake-upstream.ts";
import { aiSdk } from "./ai-sdk.ts";
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

function open(model: string, options: Record<string, string> = {}) {
  return aiSdk.open(settings({ model, apiBase: upstream.url, options }));
}

function answerWith(text: string) {
  upstream.answer((_call, response) => {
    response.writeHead(200, { "content-type": "text/event-stream" }).end(text);
  });
}

async function stream(model: string, fields: Parameters<typeof ask>[0] = {}) {
  const opened = await open(model);
  const outcome = answerOf(await opened.prepareChat(ask(fields), streamed)(limits()));
  return { ...(await readAll(outcome.answer)), dropped: outcome.dropped };
}

const compatible = "openai-compatible/deepseek/deepseek-r1";

test("a server of OpenAI's format, by the package for all of them", async () => {
  answerWith(fixture("openai-chat.sse"));
  expect(await stream(compatible)).toEqual({
    failure: undefined,
    dropped: [],
    events: [
      { type: "start", id: "chatcmpl-BxQ7" },
      { type: "reasoning-delta", text: "Two cities." },
      { type: "text-delta", text: "Let me" },
      { type: "text-delta", text: " look." },
      { type: "tool-call", index: 0, id: "call_62136354", name: "weather" },
      { type: "tool-arguments-delta", index: 0, json: '{"city": "Oslo"}' },
      { type: "tool-call", index: 1, id: "call_62136355", name: "weather" },
      { type: "tool-arguments-delta", index: 1, json: '{"city": "Rome"}' },
      {
        type: "usage",
        usage: {
          input: 18,
          cache_read: 64,
          cache_write: 0,
          cache_write_1h: 0,
          input_audio: 0,
          output: 47,
          reasoning: 12,
          output_audio: 0,
        },
      },
      { type: "finish", reason: "tool-calls" },
    ],
  });
  expect(upstream.calls.at(-1)).toMatchObject({
    path: "/chat/completions",
    headers: { authorization: "Bearer key-of-a-test" },
    body: { model: "deepseek/deepseek-r1", stream_options: { include_usage: true } },
  });
});

test("what OpenAI's format has words for is sent to such a server", async () => {
  answerWith(fixture("openai-chat.sse"));
  const { dropped } = await stream(compatible, {
    reasoning_effort: "low",
    user: "u",
    parallel_tool_calls: false,
    logit_bias: { "1": -100 },
    response_format: {
      type: "json_schema",
      json_schema: { name: "city", schema: { type: "object" } },
    },
    tools: [{ type: "function", function: { name: "weather", strict: true } }],
    tool_choice: { type: "function", function: { name: "weather" } },
    top_k: 4,
    store: true,
  });
  expect(new Set(dropped)).toEqual(new Set(["top_k", "store"]));
  expect(upstream.calls.at(-1)?.body).toMatchObject({
    reasoning_effort: "low",
    user: "u",
    parallel_tool_calls: false,
    logit_bias: { "1": -100 },
    response_format: {
      type: "json_schema",
      json_schema: { name: "city", schema: { type: "object" }, strict: false },
    },
    tools: [{ type: "function", function: { name: "weather", strict: true } }],
    tool_choice: { type: "function", function: { name: "weather" } },
  });
});

test("an error within a stream has the upstream's words, and nothing follows it", async () => {
  const text = fixture("openai-chat.sse");
  const error = { message: "Model overloaded", type: "overloaded_error", code: "overloaded" };
  answerWith(
    `${text.slice(0, text.indexOf(" look."))} look."}}]}\n\ndata: ${JSON.stringify({ error })}\n\n${text}`,
  );
  const { events } = await stream(compatible);
  expect(events.at(-1)).toEqual({ type: "error", message: "Model overloaded", code: "overloaded" });
});

test("an Anthropic upstream by the package for it, seals and hourly cache writes included", async () => {
  answerWith(fixture("anthropic-thinking.sse"));
  const { events, failure } = await stream("@ai-sdk/anthropic/claude-sonnet-4-5", {
    max_tokens: 3000,
    thinking: { type: "enabled", budget_tokens: 2000 },
    messages: [
      { role: "user", content: "Hi" },
      {
        role: "assistant",
        content: "Hello",
        thinking_blocks: [
          { type: "thinking", thinking: "Hm.", signature: "c2ln" },
          { type: "redacted_thinking", data: "c2VhbGVk" },
        ],
      },
      {
        role: "user",
        content: [{ type: "text", text: "Again", cache_control: { type: "ephemeral", ttl: "1h" } }],
      },
    ],
  });
  expect(failure).toBeUndefined();
  expect(events).toEqual([
    { type: "start", id: "msg_01XFDUDYJgAACzvnptvVoYEL" },
    { type: "reasoning-delta", text: "Greet back." },
    { type: "reasoning-signature", signature: "EqQBCgIYAhIM1gbcDa9GJwZA2b3h" },
    { type: "reasoning-redacted", data: "EmwKAhgBEgy3va3pzix" },
    { type: "text-delta", text: "Hello" },
    {
      type: "usage",
      usage: expect.objectContaining({
        input: 12,
        cache_read: 2000,
        cache_write: 100,
        cache_write_1h: 300,
        output: 15,
      }),
    },
    { type: "finish", reason: "stop", stopSequence: "END" },
  ]);
  expect(upstream.calls.at(-1)?.body).toMatchObject({
    max_tokens: 3000,
    thinking: { type: "enabled", budget_tokens: 2000 },
    messages: [
      { role: "user" },
      {
        role: "assistant",
        content: [
          { type: "thinking", thinking: "Hm.", signature: "c2ln" },
          { type: "redacted_thinking", data: "c2VhbGVk" },
          { type: "text", text: "Hello" },
        ],
      },
      {
        role: "user",
        content: [{ type: "text", text: "Again", cache_control: { type: "ephemeral", ttl: "1h" } }],
      },
    ],
  });
});

test("OpenAI itself is asked by the API that its package prefers", async () => {
  upstream.answer((_call, response) =>
    sendJson(response, {
      id: "resp_1",
      object: "response",
      created_at: 1764000000,
      status: "completed",
      model: "gpt-5",
      output: [
        {
          type: "message",
          id: "msg_1",
          role: "assistant",
          status: "completed",
          content: [{ type: "output_text", text: "Hello", annotations: [] }],
        },
      ],
      usage: {
        input_tokens: 40,
        input_tokens_details: { cached_tokens: 32 },
        output_tokens: 9,
        output_tokens_details: { reasoning_tokens: 4 },
      },
    }),
  );
  const opened = await open("openai/gpt-5");
  const chat = ask({ reasoning_effort: "low", user: "u", parallel_tool_calls: false });
  const { answer, dropped } = answerOf(await opened.prepareChat(chat, whole)(limits()));
  expect(dropped).toEqual([]);
  expect((await readAll(answer)).events).toEqual([
    { type: "start", id: "resp_1" },
    { type: "text-delta", text: "Hello" },
    {
      type: "usage",
      usage: expect.objectContaining({ input: 8, cache_read: 32, output: 9, reasoning: 4 }),
    },
    { type: "finish", reason: "stop" },
  ]);
  expect(upstream.calls.at(-1)).toMatchObject({
    path: "/responses",
    body: { reasoning: { effort: "low" }, user: "u", parallel_tool_calls: false },
  });
});

test("embeddings of a server of OpenAI's format", async () => {
  upstream.answer((_call, response) =>
    sendJson(response, {
      data: [{ embedding: [1, 2] }, { embedding: [3, 4] }],
      usage: { prompt_tokens: 8, total_tokens: 8 },
    }),
  );
  const opened = await open("openai-compatible/nomic");
  const outcome = await opened.prepareEmbedding?.(
    { model: "group", input: ["a", "b"] },
    whole,
  )(limits());
  expect(outcome).toMatchObject({
    kind: "answer",
    answer: {
      vectors: [
        [1, 2],
        [3, 4],
      ],
      usage: { input: 8 },
    },
  });
});

test("a refusal that has OpenAI's shape is handed on as it came", async () => {
  const error = {
    message: "no such model",
    type: "invalid_request_error",
    code: "model_not_found",
  };
  upstream.answer((_call, response) => sendJson(response, { error }, 404));
  const opened = await open(compatible);
  expect(told(await opened.prepareChat(ask(), streamed)(limits()))).toMatchObject({
    kind: "refused",
    status: 404,
    body: JSON.stringify({ error }),
  });
});

test("several answers to one chat are refused, unless the deployment drops parameters", async () => {
  const opened = await open(compatible);
  expect(() => opened.prepareChat(ask({ n: 2 }), streamed)).toThrow(
    expect.objectContaining({ code: "invalid_request", details: { param: "n" } }),
  );
  answerWith(fixture("openai-chat.sse"));
  const target = { ...streamed, dropsParameters: true };
  const outcome = answerOf(await opened.prepareChat(ask({ n: 2 }), target)(limits()));
  expect(outcome.dropped).toEqual(["n"]);
});

test("models that fetch nothing by themselves say so, and refuse addresses", async () => {
  const opened = await open(compatible);
  expect(opened.inlinesMedia?.keeps("https://example.com/image.png")).toBe(false);
  const claude = await open("anthropic/claude-sonnet-4-5");
  expect(claude.inlinesMedia?.keeps("https://example.com/image.png")).toBe(true);
  const image_url = { url: "https://example.com/cat.png" };
  const chat = ask({ messages: [{ role: "user", content: [{ type: "image_url", image_url }] }] });
  expect(() => opened.prepareChat(chat, streamed)).toThrow(
    expect.objectContaining({ code: "invalid_request", details: { param: "messages" } }),
  );
});

test.each([
  ["no-such-vendor/model", "it is not installed; npm install @ai-sdk/no-such-vendor"],
  ["@example/no-such-provider/model", "npm install @example/no-such-provider"],
  ["provider/model", "a provider of the AI SDK exports one create function"],
  [
    "zod/model",
    'Cannot use "zod": a provider of the AI SDK exports one create function, it has none',
  ],
  ["h3/model", "exports one create function, it has "],
  ["fs/model", "npm install @ai-sdk/fs"],
  ["openai-compatible", "write ai_sdk/<package>/<model>"],
  ["../../secrets/model", "write ai_sdk/<package>/<model>"],
  ["@ai-sdk/openai", "write ai_sdk/<package>/<model>"],
])("%s is refused in words for the operator", async (model, words) => {
  await expect(open(model)).rejects.toThrow(words);
});

test("the package for all servers needs an address", async () => {
  await expect(aiSdk.open(settings({ model: compatible }))).rejects.toThrow("it has no api_base");
});
