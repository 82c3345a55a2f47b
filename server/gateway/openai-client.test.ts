import OpenAI, { AzureOpenAI } from "openai";
import { expect, test } from "vitest";
import {
  configText,
  masterKey,
  modelEntry,
  startGateway,
  type TestGateway,
} from "../testing/gateway.ts";

const messages = [{ role: "user" as const, content: "Hi" }];

function clientOf(gateway: TestGateway, apiKey: string = masterKey): OpenAI {
  return new OpenAI({ apiKey, baseURL: `${gateway.url}/v1`, maxRetries: 0 });
}

async function listOf<T>(stream: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = [];
  for await (const item of stream) list.push(item);
  return list;
}

test("a chat is answered whole", async () => {
  await using gateway = await startGateway();

  const { data: reply, request_id } = await clientOf(gateway)
    .chat.completions.create({ model: "gpt", messages })
    .withResponse();

  expect(reply).toMatchObject({
    model: "gpt",
    choices: [{ message: { role: "assistant", content: "Hello there" }, finish_reason: "stop" }],
    usage: { prompt_tokens: 1000, completion_tokens: 500 },
  });
  expect(request_id).toMatch(/^[0-9a-f-]{36}$/);
});

test("a chat is streamed up to its finish_reason, without a usage chunk that nobody asked for", async () => {
  await using gateway = await startGateway();

  const chunks = await listOf(
    await clientOf(gateway).chat.completions.create({ model: "gpt", messages, stream: true }),
  );

  expect(chunks.map(({ choices }) => choices[0]?.delta.content ?? "").join("")).toBe("Hello there");
  expect(chunks.map(({ choices }) => choices[0]?.finish_reason)).toEqual([
    null,
    null,
    null,
    "stop",
  ]);
  expect(chunks.some(({ usage }) => usage)).toBe(false);
  expect(new Set(chunks.map(({ model }) => model))).toEqual(new Set(["gpt"]));
});

test("a chat's last chunk has the usage where the client asks for it", async () => {
  await using gateway = await startGateway();

  const options = { stream: true, stream_options: { include_usage: true } } as const;
  const chunks = await listOf(
    await clientOf(gateway).chat.completions.create({ model: "gpt", messages, ...options }),
  );

  expect(chunks).toHaveLength(5);
  expect(chunks.at(-1)).toMatchObject({
    choices: [],
    usage: { prompt_tokens: 1000, completion_tokens: 500, total_tokens: 1500 },
  });
});

test("the client's stream helper puts a streamed chat together", async () => {
  await using gateway = await startGateway();

  const final = await clientOf(gateway)
    .chat.completions.stream({ model: "gpt", messages })
    .finalChatCompletion();

  expect(final.choices[0]).toMatchObject({
    message: { content: "Hello there" },
    finish_reason: "stop",
  });
});

test("a stream ends with [DONE], once", async () => {
  await using gateway = await startGateway();

  const text = await (await gateway.chat(masterKey, { stream: true })).text();

  expect(text.match(/^data: \[DONE\]$/gm)).toHaveLength(1);
  expect(text.endsWith("data: [DONE]\n\n")).toBe(true);
});

test("completions are answered whole and streamed", async () => {
  await using gateway = await startGateway();
  const { completions } = clientOf(gateway);

  const whole = await completions.create({ model: "gpt", prompt: "Once" });
  const chunks = await listOf(
    await completions.create({ model: "gpt", prompt: "Once", stream: true }),
  );

  expect(whole).toMatchObject({
    object: "text_completion",
    model: "gpt",
    choices: [{ text: "Hello there" }],
  });
  expect(chunks.map(({ choices }) => choices[0]?.text).join("")).toBe("Hello there");
  expect(gateway.upstream.calls.map(({ path }) => path)).toEqual([
    "/v1/completions",
    "/v1/completions",
  ]);
});

test.each<[string, string | string[] | number[] | number[][]]>([
  ["a text", "one"],
  ["texts", ["one", "two"]],
  ["token ids", [1, 2, 3]],
  [
    "lists of token ids",
    [
      [1, 2],
      [3, 4],
    ],
  ],
])(
  "embeddings of %s are answered in base64, the client's default, and as numbers",
  async (_what, input) => {
    await using gateway = await startGateway();
    const { embeddings } = clientOf(gateway);

    const packed = await embeddings.create({ model: "gpt", input });
    const plain = await embeddings.create({ model: "gpt", input, encoding_format: "float" });

    expect([...(packed.data[0]?.embedding ?? [])]).toEqual([0.25, -0.5, 1]);
    expect(plain).toMatchObject({ model: "gpt", data: [{ embedding: [0.25, -0.5, 1] }] });
    expect(gateway.upstream.calls.map(({ body }) => body)).toMatchObject([
      { input, encoding_format: "base64" },
      { input, encoding_format: "float" },
    ]);
  },
);

test("models are listed and found by id, also where an id has a slash", async () => {
  await using gateway = await startGateway({
    config: (api_base) =>
      configText({
        model_list: [
          modelEntry({ model_name: "gpt", api_base }),
          modelEntry({ model_name: "meta/llama-3", api_base }),
        ],
      }),
  });
  const { models } = clientOf(gateway);

  const listed = await listOf(await models.list());

  expect(listed.map(({ id }) => id)).toEqual(["gpt", "meta/llama-3"]);
  expect(await models.retrieve("gpt")).toMatchObject({
    id: "gpt",
    object: "model",
    owned_by: "keyplane",
  });
  expect(await models.retrieve("meta/llama-3")).toMatchObject({ id: "meta/llama-3" });
  expect(await (await gateway.request("GET", "/v1/models/meta/llama-3")).json()).toMatchObject({
    id: "meta/llama-3",
  });
});

test("Azure's client finds its routes: the model is in the path and the key in api-key", async () => {
  await using gateway = await startGateway();
  const key = await gateway.generateKey({ models: ["gpt"] });
  const azure = new AzureOpenAI({
    endpoint: gateway.url,
    apiKey: key,
    apiVersion: "2024-10-21",
    maxRetries: 0,
  });
  const pinned = new AzureOpenAI({
    endpoint: gateway.url,
    apiKey: key,
    apiVersion: "2024-10-21",
    deployment: "gpt",
    maxRetries: 0,
  });

  const reply = await azure.chat.completions.create({ model: "gpt", messages });
  const chunks = await listOf(
    await azure.chat.completions.create({ model: "gpt", messages, stream: true }),
  );
  const viaDeployment = await pinned.chat.completions.create({ model: "whatever", messages });
  const vectors = await azure.embeddings.create({ model: "gpt", input: "one" });

  expect(reply).toMatchObject({ model: "gpt", choices: [{ message: { content: "Hello there" } }] });
  expect(chunks.map(({ choices }) => choices[0]?.delta.content ?? "").join("")).toBe("Hello there");
  expect(viaDeployment.model).toBe("gpt");
  expect([...(vectors.data[0]?.embedding ?? [])]).toEqual([0.25, -0.5, 1]);
  expect(new Set(gateway.upstream.calls.map(({ body }) => body["model"]))).toEqual(
    new Set(["gpt-real"]),
  );
});
