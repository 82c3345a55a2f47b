import { request as httpRequest } from "node:http";
import OpenAI from "openai";
import { expect, test } from "vitest";
import type { Usage } from "../../shared/spend.ts";
import { sendJson } from "../testing/fake-upstream.ts";
import { configText, modelEntry, startGateway, type TestGateway } from "../testing/gateway.ts";
import { replaying } from "../testing/recorded.ts";

const clientOf = ({ url }: TestGateway, apiKey: string) =>
  new OpenAI({ baseURL: `${url}/v1`, apiKey, maxRetries: 0 });

/** `gpt` at an upstream that has the route, `chats` at one that has chats only, `claude` at Anthropic. */
function startModels() {
  return startGateway({
    config: (url) =>
      configText({
        model_list: [
          modelEntry({ model_name: "gpt", api_base: `${url}/v1` }),
          modelEntry({ model_name: "chats", model: "together_ai/m", api_base: `${url}/v1` }),
          modelEntry({ model_name: "claude", model: "anthropic/claude-sonnet-4-5", api_base: url }),
        ],
      }),
  });
}

const usage = {
  input_tokens: 1000,
  input_tokens_details: { cached_tokens: 0 },
  output_tokens: 500,
  output_tokens_details: { reasoning_tokens: 100 },
  total_tokens: 1500,
};

const response = {
  id: "resp_1",
  object: "response",
  created_at: 1_700_000_000,
  model: "gpt-real-2026",
  status: "completed",
  output: [
    {
      id: "msg_1",
      type: "message",
      role: "assistant",
      status: "completed",
      content: [{ type: "output_text", text: "Hello there", annotations: [] }],
    },
  ],
  usage,
};

test("an upstream that has the route is asked as the client wrote it", async () => {
  await using gateway = await startModels();
  const key = await gateway.generateKey();
  gateway.upstream.answer((_call, reply) => sendJson(reply, response));
  const body =
    '{"model":"gpt" ,"input":"Hi","store":false,"prompt_cache_key":"k","unknown_field":1e2}';

  const answer = await gateway.request("POST", "/v1/responses", { key, body });

  expect(await answer.json()).toEqual({ ...response, model: "gpt" });
  const [sent] = gateway.upstream.calls;
  expect(sent?.path).toBe("/v1/responses");
  expect(sent?.text).toBe(body.replace('"gpt"', '"gpt-real"'));
  expect(await gateway.spendLogs()).toMatchObject([
    { spend: 0.002, usage: { input: 1000, output: 500, reasoning: 100 }, estimated: false },
  ]);
});

test("its stream passes through, and is charged by the usage in its last event", async () => {
  await using gateway = await startModels();
  const key = await gateway.generateKey();
  const events = [
    {
      type: "response.created",
      sequence_number: 0,
      response: { ...response, status: "in_progress", output: [], usage: null },
    },
    {
      type: "response.output_text.delta",
      sequence_number: 1,
      item_id: "msg_1",
      output_index: 0,
      content_index: 0,
      delta: "Hello there",
      logprobs: [],
    },
    { type: "response.completed", sequence_number: 2, response },
  ];
  gateway.upstream.answer((_call, reply) => {
    reply.writeHead(200, { "content-type": "text/event-stream" });
    for (const event of events)
      reply.write(`event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`);
    reply.end();
  });

  const stream = await clientOf(gateway, key).responses.create({
    model: "gpt",
    input: "Hi",
    stream: true,
  });
  const seen: OpenAI.Responses.ResponseStreamEvent[] = [];
  for await (const event of stream) seen.push(event);

  expect(seen.map(({ type }) => type)).toEqual(events.map(({ type }) => type));
  expect(seen.at(-1)).toMatchObject({ response: { model: "gpt", usage } });
  // Its usage comes unasked: a question for it would be an unknown parameter.
  expect(gateway.upstream.calls.map(({ body }) => body)).toEqual([
    { model: "gpt-real", input: "Hi", stream: true },
  ]);
  expect(await gateway.spendOf(key)).toBe(0.002);
});

test.each(["chats", "claude"])("upstreams without it are asked for a chat: %s", async (model) => {
  await using gateway = await startModels();
  const key = await gateway.generateKey();
  if (model === "claude") gateway.upstream.answer(replaying("anthropic/text.sse"));

  const stream = clientOf(gateway, key).responses.stream({
    model,
    instructions: "Be brief",
    input: [{ role: "user", content: [{ type: "input_text", text: "Hi" }] }],
    store: false,
  });
  const types: string[] = [];
  stream.on("event", ({ type }) => types.push(type));
  const final = await stream.finalResponse();

  expect(final).toMatchObject({ model, status: "completed", store: false });
  expect(final.output_text).toMatch(/\S/);
  expect(types.slice(0, 2)).toEqual(["response.created", "response.in_progress"]);
  expect(types.at(-1)).toBe("response.completed");
  const [row] = await gateway.spendLogs();
  expect(row).toMatchObject({ status: "success", estimated: false });
  const charged = row?.["usage"] as Usage;
  expect(final.usage).toMatchObject({
    input_tokens: charged.input + charged.cache_read + charged.cache_write + charged.cache_write_1h,
    output_tokens: charged.output,
  });
});

test("a spent budget is told as Codex understands it", async () => {
  await using gateway = await startModels();
  const key = await gateway.generateKey({ max_budget: 0 });

  const asked = clientOf(gateway, key).responses.create({ model: "gpt", input: "Hi" });

  await expect(asked).rejects.toMatchObject({
    status: 429,
    type: "insufficient_quota",
    code: "budget_exceeded",
  });
});

test("a WebSocket is refused with 426, so that who asked falls back to events", async () => {
  await using gateway = await startModels();

  const status = await new Promise((resolve, reject) => {
    httpRequest(`${gateway.url}/v1/responses`, {
      headers: { connection: "Upgrade", upgrade: "websocket" },
    })
      .on("response", (answer) => resolve(answer.resume().statusCode))
      .on("error", reject)
      .end();
  });

  expect(status).toBe(426);
});
