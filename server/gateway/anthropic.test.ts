import Anthropic from "@anthropic-ai/sdk";
import OpenAI from "openai";
import { expect, test } from "vitest";
import type { AnswerUpstream } from "../testing/fake-upstream.ts";
import { sendJson } from "../testing/fake-upstream.ts";
import { configText, startGateway, type TestGateway } from "../testing/gateway.ts";
import { replaying } from "../testing/recorded.ts";

/** Claude at Anthropic's published prices for Sonnet 4.5: 3 USD a million tokens in, 15 out. */
function startClaude(parameters: Record<string, unknown> = {}) {
  return startGateway({
    config: (url) =>
      configText({
        model_list: [
          {
            model_name: "claude",
            litellm_params: {
              model: "anthropic/claude-sonnet-4-5",
              api_base: url,
              api_key: "upstream-secret",
              ...parameters,
            },
          },
        ],
      }),
  });
}

const openai = ({ url }: TestGateway, apiKey: string) =>
  new OpenAI({ baseURL: `${url}/v1`, apiKey, maxRetries: 0 });
const anthropic = ({ url }: TestGateway, apiKey: string) =>
  new Anthropic({ baseURL: url, apiKey, maxRetries: 0 });

const messages = [{ role: "user" as const, content: "Hi" }];

const usage = {
  input_tokens: 10,
  cache_read_input_tokens: 1000,
  cache_creation_input_tokens: 300,
  cache_creation: { ephemeral_5m_input_tokens: 100, ephemeral_1h_input_tokens: 200 },
  output_tokens: 20,
};
const costUsd = (10 * 3 + 1000 * 0.3 + 100 * 3.75 + 200 * 6 + 20 * 15) / 1e6;

const wholeMessage: AnswerUpstream = (_call, response) =>
  sendJson(response, {
    id: "msg_1",
    type: "message",
    role: "assistant",
    model: "claude-sonnet-4-5-20250929",
    content: [{ type: "text", text: "Hello there" }],
    stop_reason: "end_turn",
    stop_sequence: null,
    usage,
  });

test("a chat is put into Anthropic's words, and its answer into OpenAI's, at the price of every bucket", async () => {
  await using gateway = await startClaude();
  const key = await gateway.generateKey();
  gateway.upstream.answer(wholeMessage);

  const { data, response } = await openai(gateway, key)
    .chat.completions.create({
      model: "claude",
      messages: [{ role: "system", content: "Be brief" }, ...messages],
      seed: 7,
    })
    .withResponse();

  expect(data).toMatchObject({
    model: "claude",
    choices: [{ message: { content: "Hello there" }, finish_reason: "stop" }],
    usage: { prompt_tokens: 1310, completion_tokens: 20, total_tokens: 1330 },
  });
  expect(response.headers.get("x-keyplane-dropped-params")).toBe("seed");
  const [sent] = gateway.upstream.calls;
  expect(sent?.path).toBe("/v1/messages");
  expect(sent?.headers).toMatchObject({
    "x-api-key": "upstream-secret",
    "anthropic-version": "2023-06-01",
  });
  expect(sent?.headers.authorization).toBeUndefined();
  expect(sent?.body).toMatchObject({
    model: "claude-sonnet-4-5",
    system: [{ type: "text", text: "Be brief" }],
    max_tokens: expect.any(Number),
  });
  expect(await gateway.spendOf(key)).toBe(costUsd);
  expect(await gateway.spendLogs()).toMatchObject([
    {
      spend: costUsd,
      usage: { input: 10, cache_read: 1000, cache_write: 100, cache_write_1h: 200, output: 20 },
      price_source: "genai-prices",
      estimated: false,
    },
  ]);
});

test("a stream of parallel tool calls arrives as OpenAI's clients put it together", async () => {
  await using gateway = await startClaude();
  const key = await gateway.generateKey();
  gateway.upstream.answer(replaying("anthropic/parallel-tools.sse"));

  const stream = openai(gateway, key).chat.completions.stream({
    model: "claude",
    messages,
    stream_options: { include_usage: true },
  });
  const { choices, usage: reported } = await stream.finalChatCompletion();

  expect(choices).toMatchObject([
    {
      finish_reason: "tool_calls",
      message: {
        content: "I'll check both cities.",
        tool_calls: [
          {
            id: "toolu_01T1x1fJ34qAmk2tNTrN7Up6",
            function: { name: "get_weather", arguments: '{"location": "San Francisco, CA"}' },
          },
          {
            id: "toolu_01Q5YzgAdR4rWL3oUuTmDZBa",
            function: { name: "get_time", arguments: "{}" },
          },
        ],
      },
    },
  ]);
  expect(reported).toMatchObject({ prompt_tokens: 472, completion_tokens: 89 });
  expect(await gateway.spendOf(key)).toBe((472 * 3 + 89 * 15) / 1e6);
});

test("a message passes through to Anthropic as it is, with the features that the client asked for", async () => {
  await using gateway = await startClaude();
  const key = await gateway.generateKey();
  gateway.upstream.answer(wholeMessage);
  const body =
    '{"max_tokens":50 , "model":"claude","messages":[{"role":"user","content":"Hi"}],"context_management":{"edits":[1e2]}}';

  const response = await gateway.request("POST", "/v1/messages?beta=true", {
    key: null,
    headers: {
      "x-api-key": key,
      "anthropic-version": "2023-06-01",
      "anthropic-beta": "context-management-2025-06-27,interleaved-thinking-2025-05-14",
    },
    body,
  });

  expect(response.status).toBe(200);
  expect(await response.json()).toMatchObject({ id: "msg_1", model: "claude", usage });
  const [sent] = gateway.upstream.calls;
  expect(sent?.text).toBe(body.replace('"claude"', '"claude-sonnet-4-5"'));
  expect(sent?.headers).toMatchObject({
    "anthropic-beta": "context-management-2025-06-27,interleaved-thinking-2025-05-14",
    "x-api-key": "upstream-secret",
  });
  expect(JSON.stringify(sent?.headers)).not.toContain(key);
  expect(await gateway.spendOf(key)).toBe(costUsd);
});

test("a stream passes through event by event, but for the model's name, and its last usage is charged", async () => {
  await using gateway = await startClaude();
  const key = await gateway.generateKey();
  gateway.upstream.answer(replaying("anthropic/thinking.sse"));

  const stream = anthropic(gateway, key).messages.stream({
    model: "claude",
    max_tokens: 100,
    messages,
  });
  const message = await stream.finalMessage();

  expect(message).toMatchObject({
    id: "msg_01WdRdZEKjNCSgpkTnBzPMuT",
    model: "claude",
    content: [
      { type: "thinking", signature: "EqQBCgIYAhIM1gbcDa9GJwZA2b3hGgxBdjrkzLoky3dl1pkiMOYds=" },
      { type: "redacted_thinking" },
      { type: "text", text: "27 * 453 = 12,231" },
    ],
  });
  expect(await gateway.spendLogs()).toMatchObject([
    {
      status: "success",
      spend: (44 * 3 + 92 * 15) / 1e6,
      usage: { input: 44, output: 92, reasoning: 71 },
      estimated: false,
    },
  ]);
});

test.each([
  ["/v1/messages", { max_tokens: 100 }],
  ["/v1/chat/completions", {}],
])(
  "on %s a stream that breaks off is charged for what was said, not for its beginning alone",
  async (path, fields) => {
    await using gateway = await startClaude();
    const key = await gateway.generateKey();
    gateway.upstream.answer(replaying("anthropic/thinking.sse", { events: 6 }));

    const response = await gateway.request("POST", path, {
      key,
      body: { model: "claude", messages, stream: true, ...fields },
    });

    expect(await response.text()).toContain("broke off before its answer was complete");
    const [row] = await gateway.spendLogs();
    const { usage: charged } = row as { usage: { input: number; output: number } };
    expect(row).toMatchObject({ status: "failure", estimated: true });
    expect(charged.input).toBe(44);
    expect(charged.output).toBeGreaterThan(10);
  },
);

test("an upstream that breaks off with an error is heard in the route's own format", async () => {
  await using gateway = await startClaude();
  const key = await gateway.generateKey();
  gateway.upstream.answer(replaying("anthropic/overloaded.sse"));

  const chat = await gateway.chat(key, { model: "claude", stream: true });
  const message = await gateway.request("POST", "/v1/messages", {
    key,
    body: { model: "claude", messages, max_tokens: 10, stream: true },
  });

  expect(await chat.text()).toMatch(
    /data: {"error":{"message":"The upstream of model .*"type":"upstream_error"/,
  );
  expect(await message.text()).toMatch(
    /event: error\ndata: {"type":"error","error":{"type":"overloaded_error"/,
  );
});

test("tokens are counted by Anthropic where Anthropic answers", async () => {
  await using gateway = await startClaude();
  const key = await gateway.generateKey();
  gateway.upstream.answer((_call, response) => sendJson(response, { input_tokens: 2095 }));

  const counted = await anthropic(gateway, key).messages.countTokens({ model: "claude", messages });

  expect(counted).toEqual({ input_tokens: 2095 });
  expect(gateway.upstream.calls).toMatchObject([
    { path: "/v1/messages/count_tokens", body: { model: "claude-sonnet-4-5" } },
  ]);
  expect(await gateway.spendLogs()).toEqual([]);
});

test.each([
  ["an unknown role", { messages: [{ role: "oracle", content: "Hi" }] }, "messages.0.role"],
  [
    "a tool call with broken arguments",
    {
      messages: [
        ...messages,
        {
          role: "assistant",
          tool_calls: [
            { id: "c1", type: "function", function: { name: "weather", arguments: '{"town":' } },
          ],
        },
        { role: "tool", tool_call_id: "c1", content: "Rain" },
      ],
    },
    "messages.1.tool_calls.0.function.arguments",
  ],
  ["several answers", { n: 2 }, "n"],
])("%s is refused by its name, and nothing is charged", async (_what, fields, param) => {
  await using gateway = await startClaude();
  const key = await gateway.generateKey();

  const response = await gateway.chat(key, { model: "claude", ...fields });

  expect(response.status).toBe(400);
  expect(await response.json()).toMatchObject({ error: { type: "invalid_request_error", param } });
  expect(gateway.upstream.calls).toEqual([]);
  expect(await gateway.spendLogs()).toEqual([]);
});

test("a route that a model does not serve says so", async () => {
  await using gateway = await startClaude();
  const key = await gateway.generateKey();

  const response = await gateway.request("POST", "/v1/embeddings", {
    key,
    body: { model: "claude", input: "Hi" },
  });

  expect(response.status).toBe(400);
  expect(await response.json()).toMatchObject({ error: { param: "model" } });
});
