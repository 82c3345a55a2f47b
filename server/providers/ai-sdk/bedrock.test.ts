import { afterAll, beforeAll, expect, test } from "vitest";
import { type FakeUpstream, sendJson, startUpstream } from "../../testing/fake-upstream.ts";
import { bedrock } from "./ai-sdk.ts";
import { exceptionFrame } from "./fixtures/event-stream.ts";
import {
  answerOf,
  ask,
  bedrockFrames,
  limits,
  readAll,
  settings,
  streamed,
  told,
  whole,
} from "./fixtures/reading.ts";

const sonnet = "us.anthropic.claude-sonnet-4-5-20250929-v1:0";
let upstream: FakeUpstream;

beforeAll(async () => {
  upstream = await startUpstream();
});
afterAll(() => upstream.close());

function open(model = sonnet, options: Record<string, string> = {}) {
  return bedrock.open(settings({ model, apiBase: upstream.url, options }));
}

function answerWith(frames: readonly Buffer[]) {
  upstream.answer((_call, response) => {
    response.writeHead(200, {
      "content-type": "application/vnd.amazon.eventstream",
      "x-amzn-requestid": "1f2e3d4c",
    });
    response.end(Buffer.concat(frames));
  });
}

async function readStream(model = sonnet) {
  const opened = await open(model);
  const outcome = await opened.prepareChat(ask(), streamed)(limits());
  return readAll(answerOf(outcome).answer);
}

/** What a chat is sent as. */
async function sentFor(fields: Parameters<typeof ask>[0], model = sonnet) {
  answerWith(bedrockFrames("bedrock-text.jsonl"));
  const opened = await open(model);
  const outcome = answerOf(await opened.prepareChat(ask(fields), streamed)(limits()));
  await readAll(outcome.answer);
  return { body: upstream.calls.at(-1)?.body, dropped: outcome.dropped };
}

test("text, its stop sequence and what was read from and written to caches", async () => {
  answerWith(bedrockFrames("bedrock-text.jsonl"));
  expect(await readStream()).toEqual({
    failure: undefined,
    events: [
      { type: "start", id: "1f2e3d4c" },
      { type: "text-delta", text: "Hello" },
      { type: "text-delta", text: " there 👋" },
      {
        type: "usage",
        usage: {
          input: 11,
          cache_read: 2000,
          cache_write: 100,
          cache_write_1h: 300,
          input_audio: 0,
          output: 5,
          reasoning: 0,
          output_audio: 0,
        },
      },
      { type: "finish", reason: "stop", stopSequence: "END" },
    ],
  });
});

test("thoughts with their seals, and calls side by side", async () => {
  answerWith(bedrockFrames("bedrock-thinking-and-tools.jsonl"));
  const { events } = await readStream();
  expect(events.filter(({ type }) => type !== "usage")).toEqual([
    { type: "start", id: "1f2e3d4c" },
    { type: "reasoning-delta", text: "Two cities" },
    { type: "reasoning-delta", text: ", two calls." },
    { type: "reasoning-signature", signature: "EuYBCkQYAiJAtZ" },
    { type: "reasoning-redacted", data: "RW1wdHkg" },
    { type: "text-delta", text: "Let me look." },
    { type: "tool-call", index: 0, id: "tooluse_kZJMlvQmRJ6eAyJE5GIl7Q", name: "weather" },
    { type: "tool-arguments-delta", index: 0, json: '{"city": "Os' },
    { type: "tool-arguments-delta", index: 0, json: 'lo"}' },
    { type: "tool-call", index: 1, id: "tooluse_r8NNKzXyQ6W5_IwdUrnXbA", name: "weather" },
    { type: "tool-arguments-delta", index: 1, json: '{"city": "Rome"}' },
    { type: "finish", reason: "tool-calls" },
  ]);
});

test("a whole answer is the same events", async () => {
  upstream.answer((_call, response) =>
    sendJson(response, {
      output: {
        message: {
          role: "assistant",
          content: [
            { reasoningContent: { reasoningText: { text: "Hm.", signature: "c2ln" } } },
            { text: "Looking." },
            { toolUse: { toolUseId: "tooluse_1", name: "weather", input: { city: "Oslo" } } },
          ],
        },
      },
      stopReason: "tool_use",
      metrics: { latencyMs: 900 },
      usage: { inputTokens: 20, outputTokens: 30, totalTokens: 50 },
    }),
  );
  const opened = await open();
  const outcome = answerOf(await opened.prepareChat(ask(), whole)(limits()));
  const { events, failure } = await readAll(outcome.answer);
  expect(upstream.calls.at(-1)?.path).toBe(`/model/${encodeURIComponent(sonnet)}/converse`);
  expect(failure).toBeUndefined();
  expect(events).toEqual([
    { type: "reasoning-delta", text: "Hm." },
    { type: "reasoning-signature", signature: "c2ln" },
    { type: "text-delta", text: "Looking." },
    { type: "tool-call", index: 0, id: "tooluse_1", name: "weather" },
    { type: "tool-arguments-delta", index: 0, json: '{"city":"Oslo"}' },
    { type: "usage", usage: expect.objectContaining({ input: 20, output: 30 }) },
    { type: "finish", reason: "tool-calls" },
  ]);
});

test("a conversation goes out with its seals, cache points and instructions first", async () => {
  const { body, dropped } = await sentFor({
    messages: [
      {
        role: "system",
        content: [
          { type: "text", text: "Be kind", cache_control: { type: "ephemeral", ttl: "1h" } },
        ],
      },
      {
        role: "user",
        content: [
          { type: "text", text: "Look" },
          { type: "image_url", image_url: { url: "data:image/png;base64,iVBORw0KGgo=" } },
          {
            type: "file",
            file: { filename: "a_b.pdf", file_data: "data:application/pdf;base64,JVBERi0=" },
            cache_control: { type: "ephemeral" },
          },
        ],
      },
      {
        role: "assistant",
        content: "One moment",
        thinking_blocks: [
          { type: "thinking", thinking: "Hm.", signature: "c2ln" },
          { type: "redacted_thinking", data: "c2VhbGVk" },
        ],
        tool_calls: [
          {
            id: "call_1",
            type: "function",
            function: { name: "weather", arguments: '{"city":"Oslo"}' },
          },
        ],
      },
      { role: "tool", tool_call_id: "call_1", content: "4 °C" },
      { role: "developer", content: "Be short" },
    ],
    tools: [{ type: "function", function: { name: "weather", parameters: { type: "object" } } }],
  });
  expect(dropped).toEqual([]);
  expect(body).toMatchObject({
    system: [
      { text: "Be kind" },
      { cachePoint: { type: "default", ttl: "1h" } },
      { text: "Be short" },
    ],
    messages: [
      {
        role: "user",
        content: [
          { text: "Look" },
          { image: { format: "png", source: { bytes: "iVBORw0KGgo=" } } },
          { document: { format: "pdf", name: "document-1", source: { bytes: "JVBERi0=" } } },
          { cachePoint: { type: "default" } },
        ],
      },
      {
        role: "assistant",
        content: [
          { reasoningContent: { reasoningText: { text: "Hm.", signature: "c2ln" } } },
          { reasoningContent: { redactedContent: "c2VhbGVk" } },
          { text: "One moment" },
          { toolUse: { toolUseId: "call_1", name: "weather", input: { city: "Oslo" } } },
        ],
      },
      {
        role: "user",
        content: [{ toolResult: { toolUseId: "call_1", content: [{ text: "4 °C" }] } }],
      },
    ],
  });
});

test("a budget of thoughts is part of the longest answer, as callers mean it", async () => {
  const { body } = await sentFor({
    max_tokens: 5000,
    thinking: { type: "enabled", budget_tokens: 2000 },
  });
  expect(body).toMatchObject({
    inferenceConfig: { maxTokens: 5000 },
    additionalModelRequestFields: { thinking: { type: "enabled", budget_tokens: 2000 } },
  });
});

test.each([
  [sonnet, { thinking: { type: "enabled", budget_tokens: 16_384 } }],
  [
    "anthropic.claude-opus-4-7",
    { thinking: { type: "adaptive", display: "summarized" }, output_config: { effort: "high" } },
  ],
  [
    "us.amazon.nova-2-lite-v1:0",
    { reasoningConfig: { type: "enabled", maxReasoningEffort: "high" } },
  ],
  ["openai.gpt-oss-120b-1:0", { reasoning_effort: "high" }],
])("an effort is said in the words of %s", async (model, fields) => {
  const { body, dropped } = await sentFor({ reasoning_effort: "high" }, model);
  expect(body).toMatchObject({ additionalModelRequestFields: fields });
  expect(dropped).toEqual([]);
});

test("what has no words is left out and told", async () => {
  const { body, dropped } = await sentFor(
    {
      seed: 7,
      top_k: 5,
      presence_penalty: 1,
      user: "u",
      reasoning_effort: "low",
      parallel_tool_calls: false,
    },
    "meta.llama3-70b-instruct-v1:0",
  );
  expect(body).not.toHaveProperty("inferenceConfig.topK");
  expect(new Set(dropped)).toEqual(
    new Set([
      "seed",
      "top_k",
      "presence_penalty",
      "user",
      "reasoning_effort",
      "parallel_tool_calls",
    ]),
  );
});

test("any JSON object is asked for by a schema, which is all that Converse knows", async () => {
  const { body } = await sentFor(
    { response_format: { type: "json_object" } },
    "us.amazon.nova-pro-v1:0",
  );
  expect(body).toMatchObject({
    toolConfig: {
      tools: [{ toolSpec: { name: "json", inputSchema: { json: { type: "object" } } } }],
    },
  });
});

test("a refused request is handed on as it came, and was tried once", async () => {
  const before = upstream.calls.length;
  for (const status of [400, 401, 429, 500]) {
    upstream.answer((_call, response) => {
      response.writeHead(status, {
        "content-type": "application/json",
        "x-amzn-errortype": "ValidationException",
        "retry-after": "7",
      });
      response.end('{"message":"The provided model identifier is invalid."}');
    });
    const opened = await open();
    for (const target of [streamed, whole])
      expect(told(await opened.prepareChat(ask(), target)(limits()))).toMatchObject({
        kind: "refused",
        status,
        headers: { "retry-after": "7", "x-amzn-errortype": "ValidationException" },
        body: '{"message":"The provided model identifier is invalid."}',
      });
  }
  expect(upstream.calls.length - before).toBe(8);
});

test("an exception within a stream is an error, after what came before it", async () => {
  answerWith([
    ...bedrockFrames("bedrock-text.jsonl").slice(0, 2),
    exceptionFrame("throttlingException", { message: "Too many tokens, please wait" }),
  ]);
  expect(await readStream()).toEqual({
    failure: undefined,
    events: [
      { type: "start", id: "1f2e3d4c" },
      { type: "text-delta", text: "Hello" },
      { type: "error", message: "Too many tokens, please wait", code: null },
    ],
  });
});

test.each([
  ["between two events", (frames: Buffer[]) => frames.slice(0, 3)],
  [
    "within an event",
    (frames: Buffer[]) => [...frames.slice(0, 3), Buffer.from(frames[3]?.subarray(0, 20) ?? [])],
  ],
])("a stream that ends %s is broken", async (_where, cut) => {
  answerWith(cut(bedrockFrames("bedrock-text.jsonl")));
  const { events, failure } = await readStream();
  expect(events.at(-1)).toEqual({ type: "text-delta", text: " there 👋" });
  expect(failure).toMatchObject({ kind: "broken" });
});

test("access keys of the deployment sign the call, in the region that stands before the model", async () => {
  answerWith(bedrockFrames("bedrock-text.jsonl"));
  const opened = await bedrock.open(
    settings({
      model: `converse/eu-west-3/${sonnet}`,
      apiKey: undefined,
      apiBase: upstream.url,
      options: {
        aws_access_key_id: "AKIDEXAMPLE",
        aws_secret_access_key: "secret",
        aws_session_token: "session",
      },
    }),
  );
  await readAll(answerOf(await opened.prepareChat(ask(), streamed)(limits())).answer);
  const { headers, path } = upstream.calls.at(-1) ?? {};
  expect(path).toBe(`/model/${encodeURIComponent(sonnet)}/converse-stream`);
  expect(headers?.authorization).toMatch(
    /^AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE\/\d+\/eu-west-3\/bedrock\//,
  );
  expect(headers?.["x-amz-security-token"]).toBe("session");
});

test("an API key is sent as it is", async () => {
  answerWith(bedrockFrames("bedrock-text.jsonl"));
  await readStream();
  expect(upstream.calls.at(-1)?.headers.authorization).toBe("Bearer key-of-a-test");
});

test("a setting that is missing reaches nobody, and its words are for the operator", async () => {
  const opened = await bedrock.open(settings({ apiKey: undefined, apiBase: upstream.url }));
  expect(await opened.prepareChat(ask(), streamed)(limits())).toMatchObject({
    kind: "failed",
    failure: {
      kind: "unreachable",
      reason: expect.stringMatching(/^AWS region setting is missing/),
    },
  });
});

test("a way to sign in that the package lacks is refused when the model is opened", async () => {
  await expect(open(sonnet, { aws_role_name: "arn:aws:iam::1:role/x" })).rejects.toThrow(
    "Cannot use aws_role_name",
  );
});

test("texts are embedded one by one where the model takes one, and the tokens are summed", async () => {
  upstream.answer(({ body }, response) =>
    sendJson(response, {
      embedding: [String(body["inputText"]).length, 0.5],
      inputTextTokenCount: 3,
    }),
  );
  const model = "amazon.titan-embed-text-v2:0";
  const opened = await open(model);
  const input = Array.from({ length: 20 }, (_, index) => "x".repeat(index + 1));
  const outcome = await opened.prepareEmbedding?.(
    { model, input, dimensions: 256 },
    whole,
  )(limits());
  expect(outcome).toMatchObject({ kind: "answer", dropped: [], answer: { usage: { input: 60 } } });
  expect(outcome?.kind === "answer" && outcome.answer.vectors).toEqual(
    input.map((text) => [text.length, 0.5]),
  );
  expect(upstream.calls.at(-1)?.body).toMatchObject({ dimensions: 256 });
});
