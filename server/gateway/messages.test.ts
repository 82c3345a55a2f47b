import Anthropic from "@anthropic-ai/sdk";
import { expect, test } from "vitest";
import {
  chatEvents,
  openStream,
  reportedUsage,
  sendEvents,
  sendJson,
} from "../testing/fake-upstream.ts";
import { configText, startGateway, type TestGateway } from "../testing/gateway.ts";

function clientOf({ url }: TestGateway, apiKey: string) {
  return new Anthropic({ baseURL: url, apiKey, maxRetries: 0 });
}

const weatherTool = {
  name: "weather",
  description: "The weather in a town",
  input_schema: { type: "object", properties: { town: { type: "string" } } },
} satisfies Anthropic.Tool;

test("a message to an upstream that is shaped like OpenAI is answered in Anthropic's format and charged", async () => {
  await using gateway = await startGateway();
  const key = await gateway.generateKey();

  const message = await clientOf(gateway, key).messages.create({
    model: "gpt",
    max_tokens: 100,
    system: "Be brief",
    messages: [{ role: "user", content: "Hi" }],
  });

  expect(message).toMatchObject({
    type: "message",
    role: "assistant",
    model: "gpt",
    content: [{ type: "text", text: "Hello there" }],
    stop_reason: "end_turn",
    usage: {
      input_tokens: reportedUsage.prompt_tokens,
      output_tokens: reportedUsage.completion_tokens,
    },
  });
  const [sent] = gateway.upstream.calls;
  expect(sent?.path).toBe("/v1/chat/completions");
  expect(sent?.body).toMatchObject({
    model: "gpt-real",
    max_completion_tokens: 100,
    messages: [
      { role: "system", content: "Be brief" },
      { role: "user", content: "Hi" },
    ],
  });
  expect(await gateway.spendOf(key)).toBe(0.002);
});

test("a stream of it is one of Anthropic's, event by event", async () => {
  await using gateway = await startGateway();
  const key = await gateway.generateKey();
  gateway.upstream.answer(({ body }, response) => {
    const [head] = chatEvents(body);
    const call = {
      index: 0,
      id: "call_1",
      type: "function",
      function: { name: "weather", arguments: "" },
    };
    const chunk = (delta: object, finish_reason: string | null = null) => ({
      ...head,
      choices: [{ index: 0, delta, finish_reason }],
    });
    sendEvents(response, [
      chunk({ role: "assistant", content: "Let me look" }),
      chunk({ tool_calls: [call] }),
      chunk({ tool_calls: [{ index: 0, function: { arguments: '{"town":' } }] }),
      chunk({ tool_calls: [{ index: 0, function: { arguments: '"Graz"}' } }] }),
      chunk({}, "tool_calls"),
      { ...head, choices: [], usage: reportedUsage },
    ]);
  });

  const stream = clientOf(gateway, key).messages.stream({
    model: "gpt",
    max_tokens: 100,
    tools: [weatherTool],
    messages: [{ role: "user", content: "Weather in Graz?" }],
  });
  const types: string[] = [];
  stream.on("streamEvent", ({ type }) => types.push(type));
  const message = await stream.finalMessage();

  expect(message.content).toMatchObject([
    { type: "text", text: "Let me look" },
    { type: "tool_use", id: "call_1", name: "weather", input: { town: "Graz" } },
  ]);
  expect(message.stop_reason).toBe("tool_use");
  expect(message.usage.output_tokens).toBe(reportedUsage.completion_tokens);
  expect(types.at(0)).toBe("message_start");
  expect(types.at(-1)).toBe("message_stop");
  expect(await gateway.spendOf(key)).toBe(0.002);
});

test("an upstream that stops in mid-stream ends it with an error, and what it said is charged", async () => {
  await using gateway = await startGateway();
  const key = await gateway.generateKey();
  gateway.upstream.answer(({ body }, response) => {
    openStream(
      response,
      ...chatEvents(body)
        .slice(0, 3)
        .map((event) => `data: ${JSON.stringify(event)}\n\n`),
      'data: {"id":"chatcmpl-1","choices":[{"ind',
    );
    response.end();
  });

  const stream = clientOf(gateway, key).messages.stream({
    model: "gpt",
    max_tokens: 100,
    messages: [{ role: "user", content: "Hi" }],
  });

  await expect(stream.finalMessage()).rejects.toThrow(/broke off before its answer was complete/);
  const [row] = await gateway.spendLogs();
  expect(row).toMatchObject({ status: "failure", estimated: true, usage: { output: 2 } });
});

test("errors are Anthropic's, whoever raises them", async () => {
  await using gateway = await startGateway();
  const key = await gateway.generateKey({ models: ["gpt"] });
  const ask = (request: object, apiKey = key) =>
    clientOf(gateway, apiKey).messages.create({
      model: "gpt",
      max_tokens: 10,
      messages: [{ role: "user", content: "Hi" }],
      ...request,
    } as Anthropic.MessageCreateParamsNonStreaming);

  await expect(ask({}, "sk-nobody")).rejects.toMatchObject({
    status: 401,
    error: { type: "error", error: { type: "authentication_error" } },
  });
  await expect(ask({ model: "other" })).rejects.toMatchObject({
    status: 403,
    error: { error: { type: "permission_error" } },
  });
  await expect(ask({ max_tokens: "many" })).rejects.toMatchObject({
    status: 400,
    error: {
      error: { type: "invalid_request_error", message: expect.stringContaining("max_tokens") },
    },
  });
  await expect(
    ask({ messages: [{ role: "user", content: [{ type: "hologram" }] }] }),
  ).rejects.toMatchObject({
    status: 400,
    error: { error: { message: expect.stringContaining("messages.0.content.0.type") } },
  });
  gateway.upstream.answer((_call, response) =>
    sendJson(response, { error: { message: "No such tool", type: "invalid_request_error" } }, 400),
  );
  await expect(ask({})).rejects.toMatchObject({
    status: 400,
    error: { error: { type: "invalid_request_error", message: "No such tool" } },
  });
});

test("a spent budget stops an agent at once", async () => {
  await using gateway = await startGateway();
  const key = await gateway.generateKey({ max_budget: 0 });

  const asked = clientOf(gateway, key).messages.create({
    model: "gpt",
    max_tokens: 10,
    messages: [{ role: "user", content: "Hi" }],
  });

  const error = await asked.catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({ status: 429, error: { error: { type: "rate_limit_error" } } });
  expect((error as InstanceType<typeof Anthropic.APIError>).headers?.get("x-should-retry")).toBe(
    "false",
  );
});

test("counting tokens is free, and no row, even to a key whose limits are used up", async () => {
  await using gateway = await startGateway();
  const key = await gateway.generateKey({ rpm_limit: 0, max_budget: 0 });

  const counted = await clientOf(gateway, key).messages.countTokens({
    model: "gpt",
    system: "Be brief",
    messages: [{ role: "user", content: "How are you today?" }],
  });

  expect(counted.input_tokens).toBeGreaterThan(5);
  expect(counted.input_tokens).toBeLessThan(40);
  expect(gateway.upstream.calls).toEqual([]);
  expect(await gateway.spendLogs()).toEqual([]);
});

test("an agent that asks the base address finds somebody there", async () => {
  await using gateway = await startGateway();

  expect((await fetch(gateway.url, { method: "HEAD" })).status).toBe(200);
});

test.each([
  [
    "/v1/messages",
    { max_tokens: 10, messages: [{ role: "user", content: "Hi" }] },
    /"text":"Hello/,
  ],
  ["/v1/responses", { input: "Hi" }, /"text":"Hello/],
])("a mock answers on %s too, whole and streamed", async (path, fields, expected) => {
  await using gateway = await startGateway({
    config: () =>
      configText({
        model_list: [
          {
            model_name: "mock",
            litellm_params: {
              model: "openai/mock",
              mock_response: "Hello from a mock",
              input_cost_per_token: 0.000001,
              output_cost_per_token: 0.000002,
            },
          },
        ],
      }),
  });
  const key = await gateway.generateKey();

  for (const stream of [false, true]) {
    const response = await gateway.request("POST", path, {
      key,
      body: { model: "mock", stream, ...fields },
    });
    expect(response.status).toBe(200);
    expect(await response.text()).toMatch(expected);
  }

  const rows = await gateway.spendLogs();
  expect(rows).toMatchObject([{ status: "success" }, { status: "success" }]);
  expect(await gateway.spendOf(key)).toBeGreaterThan(0);
});
