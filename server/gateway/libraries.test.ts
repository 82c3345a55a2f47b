import OpenAI from "openai";
import { expect, test } from "vitest";
import { bedrockFrames, fixture } from "../providers/ai-sdk/fixtures/reading.ts";
import { openStream, sendJson } from "../testing/fake-upstream.ts";
import { configText, startGateway, type TestGateway } from "../testing/gateway.ts";

const bedrockModel = "us.anthropic.claude-sonnet-4-5-20250929-v1:0";

function startLibraries() {
  return startGateway({
    config: (url) =>
      configText({
        model_list: [
          {
            model_name: "bedrock",
            litellm_params: {
              model: `bedrock/${bedrockModel}`,
              api_base: url,
              aws_region_name: "us-east-1",
              aws_access_key_id: "AKIAEXAMPLE",
              aws_secret_access_key: "upstream-secret",
              input_cost_per_token: 0.000003,
              output_cost_per_token: 0.000015,
            },
          },
          {
            model_name: "cohere",
            litellm_params: {
              model: "cohere/command-a-03-2025",
              api_base: `${url}/v2`,
              api_key: "upstream-secret",
              input_cost_per_token: 0.0000025,
              output_cost_per_token: 0.00001,
            },
          },
          {
            model_name: "missing",
            litellm_params: { model: "ai_sdk/@ai-sdk/not-installed-here/m", api_key: "k" },
          },
        ],
      }),
  });
}

const clientOf = ({ url }: TestGateway, apiKey: string) =>
  new OpenAI({ baseURL: `${url}/v1`, apiKey, maxRetries: 0 });

const messages = [{ role: "user" as const, content: "Hi" }];

test("Bedrock's binary stream arrives as OpenAI's, and is charged", async () => {
  await using gateway = await startLibraries();
  const key = await gateway.generateKey();
  gateway.upstream.answer((_call, response) => {
    response.writeHead(200, { "content-type": "application/vnd.amazon.eventstream" });
    response.end(Buffer.concat(bedrockFrames("bedrock-thinking-and-tools.jsonl")));
  });

  const stream = clientOf(gateway, key).chat.completions.stream({ model: "bedrock", messages });
  const { choices } = await stream.finalChatCompletion();

  expect(choices).toMatchObject([{ finish_reason: "tool_calls" }]);
  expect(choices[0]?.message.tool_calls?.length).toBeGreaterThan(0);
  expect(gateway.upstream.calls[0]?.path).toBe(
    `/model/${encodeURIComponent(bedrockModel)}/converse-stream`,
  );
  const [row] = await gateway.spendLogs();
  expect(row).toMatchObject({ status: "success", estimated: false });
  expect(await gateway.spendOf(key)).toBe(row?.["spend"]);
  expect(row?.["spend"]).toBeGreaterThan(0);
});

test("Cohere's stream arrives as Anthropic's client reads it", async () => {
  await using gateway = await startLibraries();
  const key = await gateway.generateKey();
  gateway.upstream.answer((_call, response) => {
    openStream(response, fixture("cohere-tools.sse"));
    response.end();
  });

  const response = await gateway.request("POST", "/v1/messages", {
    key,
    body: { model: "cohere", max_tokens: 100, messages, stream: true },
  });
  const text = await response.text();

  expect(text).toMatch(/^event: message_start\n/);
  expect(text).toContain('"type":"tool_use"');
  expect(text.trimEnd()).toMatch(/event: message_stop\ndata: {"type":"message_stop"}$/);
  expect(await gateway.spendLogs()).toMatchObject([{ status: "success", estimated: false }]);
});

test("what the provider says of a wrong request is told without secrets; a refused key is not", async () => {
  await using gateway = await startLibraries();
  const key = await gateway.generateKey();
  gateway.upstream.answer((_call, response) =>
    sendJson(response, { message: "messages: too many" }, 400),
  );
  const wrong = await gateway.chat(key, { model: "bedrock" });
  gateway.upstream.answer((_call, response) =>
    sendJson(response, { message: "The security token AKIAEXAMPLE is invalid" }, 403),
  );
  const refused = await gateway.chat(key, { model: "bedrock" });

  expect(wrong.status).toBe(400);
  expect(await wrong.json()).toMatchObject({ error: { message: "messages: too many" } });
  expect(refused.status).toBe(502);
  expect(await refused.text()).not.toContain("AKIAEXAMPLE");
  expect(await gateway.spendOf(key)).toBe(0);
});

test("a client that hangs up ends the provider's stream, and pays for what it was told", async () => {
  await using gateway = await startLibraries();
  const key = await gateway.generateKey();
  const [first = "", second = "", ...rest] = fixture("cohere-thinking.sse").split(/(?<=\n\n)/);
  gateway.upstream.answer((_call, response) =>
    openStream(response, first, second, ...rest.slice(0, 6)),
  );
  const hangUp = new AbortController();

  const response = await gateway.request("POST", "/v1/chat/completions", {
    key,
    body: { model: "cohere", messages, stream: true },
    signal: hangUp.signal,
  });
  await response.body?.getReader().read();
  hangUp.abort();

  const { wasComplete } = await (gateway.upstream.calls[0]?.closed ?? Promise.reject());
  expect(wasComplete).toBe(false);
  const [row] = await gateway.spendLogs();
  expect(row).toMatchObject({ status: "aborted", estimated: true });
  expect(row?.["spend"]).toBeGreaterThan(0);
});

test("a package that is not installed is the operator's trouble, and the caller's 503", async () => {
  await using gateway = await startLibraries();
  const key = await gateway.generateKey();

  const response = await gateway.chat(key, { model: "missing" });

  expect(response.status).toBe(503);
  const { error } = (await response.json()) as { error: { code: string; message: string } };
  expect(error.code).toBe("model_unavailable");
  expect(error.message).not.toContain("not-installed-here");
});
