import OpenAI from "openai";
import { expect, test } from "vitest";
import { sendJson } from "../testing/fake-upstream.ts";
import { configText, startGateway, type TestGateway } from "../testing/gateway.ts";
import { replaying } from "../testing/recorded.ts";

/** Gemini at Google's published prices for 2.5 Flash: 0.3 USD a million tokens in, 2.5 out. */
function startGemini() {
  return startGateway({
    config: (url) =>
      configText({
        model_list: ["gemini-2.5-flash", "gemini-embedding-001"].map((model) => ({
          model_name: model,
          litellm_params: {
            model: `gemini/${model}`,
            api_base: `${url}/v1beta`,
            api_key: "upstream-secret",
          },
        })),
      }),
  });
}

const clientOf = ({ url }: TestGateway, apiKey: string) =>
  new OpenAI({ baseURL: `${url}/v1`, apiKey, maxRetries: 0 });

const messages = [{ role: "user" as const, content: "Hi" }];

test("a chat is put into Gemini's words, with its key in Gemini's header", async () => {
  await using gateway = await startGemini();
  const key = await gateway.generateKey();
  gateway.upstream.answer((_call, response) =>
    sendJson(response, {
      responseId: "r1",
      candidates: [
        { content: { role: "model", parts: [{ text: "Hello there" }] }, finishReason: "STOP" },
      ],
      usageMetadata: {
        promptTokenCount: 100,
        candidatesTokenCount: 20,
        thoughtsTokenCount: 30,
        totalTokenCount: 150,
      },
    }),
  );

  const reply = await clientOf(gateway, key).chat.completions.create({
    model: "gemini-2.5-flash",
    messages,
  });

  expect(reply).toMatchObject({
    model: "gemini-2.5-flash",
    choices: [{ message: { content: "Hello there" }, finish_reason: "stop" }],
    usage: {
      prompt_tokens: 100,
      completion_tokens: 50,
      completion_tokens_details: { reasoning_tokens: 30 },
    },
  });
  const [sent] = gateway.upstream.calls;
  expect(sent?.path).toBe("/v1beta/models/gemini-2.5-flash:generateContent");
  expect(sent?.headers).toMatchObject({ "x-goog-api-key": "upstream-secret" });
  expect(await gateway.spendOf(key)).toBe((100 * 0.3 + 50 * 2.5) / 1e6);
});

test("a stream is one of OpenAI's, also where Gemini thinks and calls tools", async () => {
  await using gateway = await startGemini();
  const key = await gateway.generateKey();
  gateway.upstream.answer(replaying("gemini/parallel-calls.sse"));

  const stream = clientOf(gateway, key).chat.completions.stream({
    model: "gemini-2.5-flash",
    messages,
  });
  const { choices } = await stream.finalChatCompletion();

  expect(choices[0]?.finish_reason).toBe("tool_calls");
  expect(choices[0]?.message.tool_calls?.length).toBeGreaterThan(1);
  for (const call of choices[0]?.message.tool_calls ?? [])
    expect(JSON.parse("function" in call ? call.function.arguments : "")).toBeTypeOf("object");
  expect(gateway.upstream.calls[0]?.path).toBe(
    "/v1beta/models/gemini-2.5-flash:streamGenerateContent?alt=sse",
  );
  expect(await gateway.spendLogs()).toMatchObject([{ status: "success", estimated: false }]);
});

test.each([
  "http://127.0.0.1:1/cat.png",
  "http://169.254.169.254/latest/meta-data/",
  "http://[::ffff:10.0.0.1]/cat.png",
  "http://localhost/cat.png",
])("an image at %s is not fetched, and nothing is charged", async (url) => {
  await using gateway = await startGemini();
  const key = await gateway.generateKey();

  const response = await gateway.chat(key, {
    model: "gemini-2.5-flash",
    messages: [{ role: "user", content: [{ type: "image_url", image_url: { url } }] }],
  });

  expect(response.status).toBe(400);
  expect(await response.json()).toMatchObject({
    error: { type: "invalid_request_error", param: "messages.0.content.0.image_url.url" },
  });
  expect(gateway.upstream.calls).toEqual([]);
  expect(await gateway.spendLogs()).toEqual([]);
});

test("a key that Google refuses with 400 is the gateway's own trouble, and told to nobody", async () => {
  await using gateway = await startGemini();
  const key = await gateway.generateKey();
  gateway.upstream.answer((_call, response) =>
    sendJson(
      response,
      {
        error: {
          code: 400,
          message: "API key not valid. Please pass a valid API key.",
          status: "INVALID_ARGUMENT",
          details: [
            { "@type": "type.googleapis.com/google.rpc.ErrorInfo", reason: "API_KEY_INVALID" },
          ],
        },
      },
      400,
    ),
  );

  const response = await gateway.chat(key, { model: "gemini-2.5-flash" });

  expect(response.status).toBe(502);
  expect(await response.text()).not.toContain("API key not valid");
});

test.each(["float", "base64"] as const)(
  "embeddings come as OpenAI has them: %s",
  async (encoding_format) => {
    await using gateway = await startGemini();
    const key = await gateway.generateKey();
    gateway.upstream.answer((_call, response) =>
      sendJson(response, { embeddings: [{ values: [0.25, -0.5] }, { values: [1, 0] }] }),
    );

    const { data } = await clientOf(gateway, key).embeddings.create({
      model: "gemini-embedding-001",
      input: ["one", "two"],
      encoding_format,
    });

    if (encoding_format === "float")
      expect(data.map(({ embedding }) => embedding)).toEqual([
        [0.25, -0.5],
        [1, 0],
      ]);
    else
      expect(data.map(({ embedding }) => embedding as unknown)).toEqual(
        [
          [0.25, -0.5],
          [1, 0],
        ].map((vector) => Buffer.from(Float32Array.from(vector).buffer).toString("base64")),
      );
    // Gemini says nothing of what it read: that is counted.
    expect(await gateway.spendLogs()).toMatchObject([
      { status: "success", estimated: true, usage: { output: 0 } },
    ]);
  },
);

test("token ids mean nothing to Gemini, and are refused", async () => {
  await using gateway = await startGemini();
  const key = await gateway.generateKey();

  const response = await gateway.request("POST", "/v1/embeddings", {
    key,
    body: { model: "gemini-embedding-001", input: [[1, 2, 3]] },
  });

  expect(response.status).toBe(400);
  expect(await response.json()).toMatchObject({ error: { param: "input" } });
});
