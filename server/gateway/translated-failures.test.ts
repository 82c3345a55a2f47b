import { expect, test } from "vitest";
import { openStream, sendJson } from "../testing/fake-upstream.ts";
import { configText, startGateway } from "../testing/gateway.ts";

/** `claude` at Anthropic, with a budget that is enforced strictly where asked for. */
function startClaude(budget_enforcement: "default" | "strict" = "default") {
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
              headers: { "anthropic-beta": "operator-beta" },
            },
          },
        ],
        general_settings: { budget_enforcement },
      }),
  });
}

const messages = [{ role: "user", content: "Hi" }];
const usage = { input_tokens: 1000, output_tokens: 500 };
const message = {
  id: "msg_1",
  type: "message",
  role: "assistant",
  model: "m",
  content: [{ type: "text", text: "Hello" }],
  stop_reason: "end_turn",
  usage,
};

test("a whole reply in the place of a stream is an error, and its usage is charged", async () => {
  await using gateway = await startClaude();
  const key = await gateway.generateKey();
  gateway.upstream.answer((_call, response) => sendJson(response, message));

  const response = await gateway.chat(key, { model: "claude", stream: true });

  expect(response.status).toBe(502);
  expect(await gateway.spendLogs()).toMatchObject([
    { status: "failure", estimated: false, usage: { input: 1000, output: 500 } },
  ]);
});

test("a stream whose first event is an error costs nothing", async () => {
  await using gateway = await startClaude();
  const key = await gateway.generateKey();
  gateway.upstream.answer((_call, response) => {
    openStream(
      response,
      'event: error\ndata: {"type":"error","error":{"type":"overloaded_error","message":"Busy"}}\n\n',
    );
    response.end();
  });

  for (const path of ["/v1/chat/completions", "/v1/messages"]) {
    const response = await gateway.request("POST", path, {
      key,
      body: { model: "claude", messages, max_tokens: 10, stream: true },
    });
    expect(await response.text()).toMatch(/"error"/);
  }

  expect(await gateway.spendLogs()).toMatchObject([
    { status: "failure", error_code: "overloaded_error", usage: null },
    { status: "failure", error_code: "overloaded_error", usage: null },
  ]);
  expect(await gateway.spendOf(key)).toBe(0);
});

test("half an event is passed on to nobody: the stream ends with a clear error", async () => {
  await using gateway = await startClaude();
  const key = await gateway.generateKey();
  gateway.upstream.answer((_call, response) => {
    openStream(
      response,
      `event: message_start\ndata: {"type":"message_start","message":${JSON.stringify({ ...message, content: [] })}}\n\n`,
      'event: content_block_delta\ndata: {"type":"content_block_delta","ind',
    );
    response.end();
  });

  const response = await gateway.request("POST", "/v1/messages", {
    key,
    body: { model: "claude", messages, max_tokens: 10, stream: true },
  });

  const events = (await response.text()).split("\n\n").filter((event) => event !== "");
  expect(events).toHaveLength(2);
  expect(events[1]).toMatch(/^event: error\ndata: {"type":"error"/);
});

test("what the operator asks of Anthropic stays when a client asks for more", async () => {
  await using gateway = await startClaude();
  const key = await gateway.generateKey();
  gateway.upstream.answer((_call, response) => sendJson(response, message));

  const response = await gateway.request("POST", "/v1/messages", {
    key,
    headers: { "anthropic-beta": "client-beta" },
    body: { model: "claude", messages, max_tokens: 10 },
  });

  expect(gateway.upstream.calls[0]?.headers["anthropic-beta"]).toBe("operator-beta,client-beta");
  expect(response.headers.get("request-id")).toBe(response.headers.get("x-request-id"));
});

test.each([
  [
    "servers that others run",
    { mcp_servers: [{ type: "url", url: "https://a.example", name: "a" }] },
  ],
  [
    "a conversation that is summed up",
    { context_management: { edits: [{ type: "compact_20260112" }] } },
  ],
  ["a tool of the provider's", { tools: [{ type: "web_search_20250305", name: "web_search" }] }],
])("a strict budget pays for no prompt that nobody can bound: %s", async (_what, fields) => {
  await using gateway = await startClaude("strict");
  const key = await gateway.generateKey({ max_budget: 1 });

  const response = await gateway.request("POST", "/v1/messages", {
    key,
    body: { model: "claude", messages, max_tokens: 10, ...fields },
  });

  expect(response.status).toBe(400);
  expect(gateway.upstream.calls).toEqual([]);
});

test("no answer is given in the background, which nobody would account for", async () => {
  await using gateway = await startGateway();
  const key = await gateway.generateKey();

  const response = await gateway.request("POST", "/v1/responses", {
    key,
    body: { model: "gpt", input: "Hi", background: true },
  });

  expect(response.status).toBe(400);
  expect(await response.json()).toMatchObject({ error: { param: "background" } });
  expect(gateway.upstream.calls).toEqual([]);
});

test.each([
  [
    "/v1/messages",
    { thinking: { type: "enabled", budget_tokens: 2000 }, max_tokens: 4000, messages },
  ],
  ["/v1/responses", { reasoning: { effort: "high" }, input: "Hi" }],
])(
  "a client of %s that leaves while the model thinks pays for what it cannot have seen",
  async (path, fields) => {
    await using gateway = await startGateway();
    const key = await gateway.generateKey();
    gateway.upstream.answer((_call, response) => openStream(response, ": thinking\n\n"));
    const hangUp = new AbortController();
    const asked = gateway.request("POST", path, {
      key,
      body: { model: "gpt", stream: true, ...fields },
      signal: hangUp.signal,
    });
    await asked;
    hangUp.abort();

    await gateway.upstream.calls[0]?.closed;
    expect(await gateway.spendLogs()).toMatchObject([
      { status: "aborted", estimated: true, usage: { output: 400 } },
    ]);
  },
);
