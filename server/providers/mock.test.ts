import { expect, test } from "vitest";
import { masterKey, startGateway, type TestGateway } from "../testing/gateway.ts";

const text = "Hello  from\nKeyplane, «ünï».";

function mocking(fields: Record<string, unknown> = {}): Promise<TestGateway> {
  const model = {
    model_name: "gpt",
    litellm_params: { model: "openai/gpt-4o", mock_response: text, ...fields },
  };
  return startGateway({
    config: () =>
      JSON.stringify({
        model_list: [model],
        general_settings: { master_key: masterKey, flush_interval_ms: 50 },
      }),
  });
}

function eventsOf(stream: string): Record<string, unknown>[] {
  const events = stream.split("\n\n").slice(0, -1);
  expect(events.pop()).toBe("data: [DONE]");
  return events.map((event) => JSON.parse(event.slice("data: ".length)) as Record<string, unknown>);
}

test("a mock answers a chat with its text, as the model that was asked for, without calling anyone", async () => {
  await using gateway = await mocking();

  const reply = (await (await gateway.chat(masterKey)).json()) as Record<string, unknown>;

  expect(reply).toMatchObject({
    object: "chat.completion",
    model: "gpt",
    choices: [{ index: 0, message: { role: "assistant", content: text }, finish_reason: "stop" }],
    usage: {
      prompt_tokens: expect.any(Number),
      completion_tokens: Math.ceil(Buffer.byteLength(text) / 4),
      total_tokens: expect.any(Number),
    },
  });
  expect(gateway.upstream.calls).toEqual([]);
});

test.each([true, false])(
  "a mock streams a chat in pieces, with its usage where that is asked for (include_usage: %s)",
  async (include_usage) => {
    await using gateway = await mocking();

    const stream = await (
      await gateway.chat(masterKey, { stream: true, stream_options: { include_usage } })
    ).text();

    const events = eventsOf(stream) as {
      choices: { delta: { content?: string }; finish_reason: string | null }[];
      usage?: object;
      model: string;
    }[];
    const choices = events.flatMap(({ choices: [choice] }) => choice ?? []);
    expect(choices.map(({ delta }) => delta.content ?? "").join("")).toBe(text);
    expect(choices.length).toBeGreaterThan(3);
    expect(choices.map(({ finish_reason }) => finish_reason).filter(Boolean)).toEqual(["stop"]);
    expect(events.filter(({ usage }) => usage)).toHaveLength(include_usage ? 1 : 0);
    expect(new Set(events.map(({ model }) => model))).toEqual(new Set(["gpt"]));
  },
);

test("a mock answers completions, whole and streamed", async () => {
  await using gateway = await mocking();
  const call = (stream: boolean) =>
    gateway.request("POST", "/v1/completions", { body: { model: "gpt", prompt: "Hi", stream } });

  const whole = await (await call(false)).json();
  const events = eventsOf(await (await call(true)).text()) as {
    object: string;
    choices: { text: string }[];
  }[];

  expect(whole).toMatchObject({
    object: "text_completion",
    model: "gpt",
    choices: [{ text, finish_reason: "stop" }],
  });
  expect(events.flatMap(({ choices }) => choices.map((choice) => choice.text)).join("")).toBe(text);
  expect(new Set(events.map(({ object }) => object))).toEqual(new Set(["text_completion"]));
});

test.each([
  ["a text", "Hi", 1],
  ["texts", ["Hi", "there"], 2],
  ["token ids", [1, 2, 3], 1],
  ["lists of token ids", [[1, 2], [3], [4]], 3],
])(
  "a mock answers embeddings of %s with a vector of length one for each",
  async (_what, input, count) => {
    await using gateway = await mocking();
    const call = async (encoding_format: string) => {
      const response = await gateway.request("POST", "/v1/embeddings", {
        body: { model: "gpt", input, encoding_format },
      });
      return ((await response.json()) as { data: { embedding: unknown; index: number }[] }).data;
    };

    const plain = await call("float");
    const packed = await call("base64");

    expect(plain.map(({ index }) => index)).toEqual(
      Array.from({ length: count }, (_, index) => index),
    );
    for (const [index, { embedding }] of plain.entries()) {
      const vector = embedding as number[];
      expect(Math.hypot(...vector)).toBeCloseTo(1);
      const bytes = Uint8Array.from(Buffer.from(packed[index]?.embedding as string, "base64"));
      expect([...new Float32Array(bytes.buffer)]).toEqual(vector);
    }
  },
);

test("a mock answers embeddings whole, although a stream is asked for", async () => {
  await using gateway = await mocking();

  const response = await gateway.request("POST", "/v1/embeddings", {
    body: { model: "gpt", input: "Hi", stream: true },
  });

  expect(response.status).toBe(200);
  expect(await response.json()).toMatchObject({
    object: "list",
    model: "gpt",
    data: [{ index: 0 }],
  });
});

test("a mock costs nothing, although the model that it stands for has a price", async () => {
  await using gateway = await mocking();
  const key = await gateway.generateKey();

  await gateway.chat(key);

  expect(await gateway.spendLogs()).toMatchObject([
    { status: "success", spend: 0, usage: { output: 8 }, estimated: false },
  ]);
  expect(await gateway.spendOf(key)).toBe(0);
});

test("a mock costs what its entry says", async () => {
  await using gateway = await mocking({ input_cost_per_token: 0, output_cost_per_token: 0.5 });
  const key = await gateway.generateKey();

  await gateway.chat(key);
  await (await gateway.chat(key, { stream: true })).text();

  expect(await gateway.spendOf(key)).toBe(8);
});

test.each(["", "   ", "one"])("a mock of %j is streamed too", async (mock_response) => {
  await using gateway = await mocking({ mock_response });

  const events = eventsOf(await (await gateway.chat(masterKey, { stream: true })).text()) as {
    choices: { delta: { content?: string } }[];
  }[];

  expect(
    events.flatMap(({ choices }) => choices.map(({ delta }) => delta.content ?? "")).join(""),
  ).toBe(mock_response);
});

test("a client that is gone before a mock answers does no harm", async () => {
  await using gateway = await mocking();
  const leaving = new AbortController();
  const body = { model: "gpt", messages: [{ role: "user", content: "Hi" }], stream: true };

  const call = gateway.request("POST", "/v1/chat/completions", { body, signal: leaving.signal });
  setImmediate(() => leaving.abort());
  await call.catch(() => undefined);

  expect((await gateway.chat(masterKey)).status).toBe(200);
});
