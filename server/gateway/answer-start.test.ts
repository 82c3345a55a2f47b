import type { ServerResponse } from "node:http";
import { afterEach, expect, test, vi } from "vitest";
import type { Answer } from "../providers/call.ts";
import type { EventReader } from "../providers/model-event.ts";
import type { Reader } from "../providers/source.ts";
import { openStream, sendJson, type UpstreamCall } from "../testing/fake-upstream.ts";
import { configText, modelEntry, startGateway, type TestGateway } from "../testing/gateway.ts";
import type { Attempt, Call } from "./call.ts";
import { endpoints } from "./endpoints.ts";
import { orFailed } from "./answer-start.ts";

const messages = [{ role: "user", content: "Hi" }];

interface Wire {
  readonly path: string;
  /** Before a model's name, in config.yaml. */
  readonly provider: "openai" | "anthropic" | "gemini";
  readonly fields: Record<string, unknown>;
  /** Events that say nothing yet. */
  readonly silent: readonly string[];
  readonly error: string;
  /** What says something, and what ends it. */
  readonly answer: readonly string[];
}

const data = (payload: unknown) => `data: ${JSON.stringify(payload)}\n\n`;
const chunk = (delta: Record<string, unknown>) =>
  data({ model: "m", choices: [{ index: 0, delta }] });
const overloaded = { code: "overloaded_error", message: "Busy" };
const unfinished = { id: "resp_1", model: "m", output: [], usage: null };
const usage = { input_tokens: 1000, output_tokens: 500 };

const anthropic = {
  provider: "anthropic",
  silent: [": nothing\n\n", data({ type: "ping" })],
  error: data({ type: "error", error: { type: "overloaded_error", message: "Busy" } }),
  answer: [
    data({ type: "message_start", message: { model: "m", usage: { ...usage, output_tokens: 1 } } }),
    data({ type: "content_block_start", index: 0, content_block: { type: "text", text: "" } }),
    data({ type: "content_block_delta", index: 0, delta: { type: "text_delta", text: "Hello" } }),
    data({ type: "content_block_stop", index: 0 }),
    data({ type: "message_delta", delta: { stop_reason: "end_turn" }, usage }),
    data({ type: "message_stop" }),
  ],
} as const;

const wires: Record<string, Wire> = {
  "a chat": {
    path: "/v1/chat/completions",
    provider: "openai",
    fields: { messages },
    silent: [": waiting\n\n", chunk({ role: "assistant", content: "" })],
    error: data({ error: overloaded }),
    answer: [
      chunk({ content: "Hello" }),
      data({ choices: [], usage: { prompt_tokens: 1000, completion_tokens: 500 } }),
      "data: [DONE]\n\n",
    ],
  },
  "a completion": {
    path: "/v1/completions",
    provider: "openai",
    fields: { prompt: "Hi" },
    silent: [": waiting\n\n"],
    error: data({ error: overloaded }),
    answer: [
      data({ choices: [{ index: 0, text: "Hello" }] }),
      data({ choices: [], usage: { prompt_tokens: 1000, completion_tokens: 500 } }),
      "data: [DONE]\n\n",
    ],
  },
  Responses: {
    path: "/v1/responses",
    provider: "openai",
    fields: { input: "Hi" },
    silent: [
      data({ type: "response.created", response: unfinished }),
      data({ type: "response.in_progress", response: unfinished }),
    ],
    error: data({ type: "response.failed", response: { ...unfinished, error: overloaded } }),
    answer: [
      data({ type: "response.output_text.delta", delta: "Hello" }),
      data({ type: "response.completed", response: { ...unfinished, usage } }),
    ],
  },
  Messages: { path: "/v1/messages", fields: { messages, max_tokens: 9 }, ...anthropic },
  "a chat at Anthropic": { path: "/v1/chat/completions", fields: { messages }, ...anthropic },
};

/** `gpt`: `first`, and `spare` for when it fails. What they answer is in `answers`, by name. */
async function startPair(
  { provider }: Pick<Wire, "provider">,
  spare: Record<string, unknown> = {},
) {
  const gateway = await startGateway({
    config: (api_base) =>
      configText({
        model_list: [
          modelEntry({ model_name: "gpt", model: `${provider}/first`, api_base }),
          modelEntry({
            model_name: "gpt",
            model: `${provider}/spare`,
            api_base,
            weight: 0,
            ...spare,
          }),
        ],
      }),
  });
  const answers: Record<string, (response: ServerResponse, call: UpstreamCall) => void> = {};
  gateway.upstream.answer((call, response) => {
    const answer = answers[modelOf(call)];
    if (answer) answer(response, call);
    else sendJson(response, { error: "nobody is to ask here" }, 500);
  });
  return Object.assign(gateway, { answers });
}

function ask(gateway: TestGateway, key: string, { path, fields }: Wire): Promise<Response> {
  return gateway.request("POST", path, { key, body: { model: "gpt", stream: true, ...fields } });
}

/** Gemini has it in the path. */
const modelOf = ({ path, body }: UpstreamCall) =>
  String(body["model"] ?? /models\/(\w+):/.exec(path)?.[1]);

const calledModels = ({ upstream }: TestGateway) => upstream.calls.map(modelOf);

/** An encoder writes ids and a time of its own. */
const withoutOwn = (text = "") =>
  text.replaceAll(/"(id|item_id)":"[^"]*"|"created(_at)?":\d+/g, "");

const streams =
  (...events: readonly string[]) =>
  (upstream: ServerResponse) => {
    openStream(upstream, ...events);
    upstream.end();
  };

test.each(Object.entries(wires))(
  "%s that fails before it has said anything is answered by the next deployment, and costs once",
  async (_what, wire) => {
    await using gateway = await startPair(wire);
    const key = await gateway.generateKey();
    gateway.answers["first"] = streams(...wire.silent, wire.error);
    gateway.answers["spare"] = streams(...wire.silent, ...wire.answer);

    const answered = await ask(gateway, key, wire);

    const text = await answered.text();
    expect(text).toContain("Hello");
    expect(text).not.toContain("overloaded_error");
    expect(answered.headers.get("x-litellm-attempted-retries")).toBe("1");
    expect(calledModels(gateway)).toEqual(["first", "spare"]);
    expect(await gateway.spendLogs()).toMatchObject([
      { upstream_model: "spare", status: "success", spend: 0.002, estimated: false },
      {
        upstream_model: "first",
        status: "failure",
        error_code: "overloaded_error",
        spend: 0,
        usage: null,
      },
    ]);
    expect(await gateway.spendOf(key)).toBe(0.002);
  },
);

test.each(Object.entries(wires))(
  "%s whose connection breaks before it has said anything is answered by the next deployment",
  async (_what, wire) => {
    await using gateway = await startPair(wire);
    const key = await gateway.generateKey();
    gateway.answers["first"] = (upstream) => {
      openStream(upstream, ...wire.silent);
      setTimeout(() => upstream.destroy(), 20);
    };
    gateway.answers["spare"] = streams(...wire.silent, ...wire.answer);

    expect(await (await ask(gateway, key, wire)).text()).toContain("Hello");

    expect(await gateway.spendLogs()).toMatchObject([
      { upstream_model: "spare", status: "success" },
      { upstream_model: "first", status: "failure", error_code: "upstream_failed", spend: 0 },
    ]);
  },
);

test.each(Object.entries(wires))(
  "%s that fails once it has said something is not asked for again",
  async (_what, wire) => {
    await using gateway = await startPair(wire);
    const key = await gateway.generateKey();
    // All but what tells of the end, and of all that was used.
    gateway.answers["first"] = streams(...wire.answer.slice(0, 1), wire.error);

    expect(await (await ask(gateway, key, wire)).text()).toMatch(/overloaded_error|Busy/);

    expect(calledModels(gateway)).toEqual(["first"]);
    const [row] = await gateway.spendLogs();
    expect(row).toMatchObject({ status: "failure", error_code: "overloaded_error" });
    expect(row?.["spend"]).toBeGreaterThan(0);
  },
);

test.each(Object.entries(wires))(
  "%s passes as it came where nothing fails",
  async (_what, wire) => {
    await using gateway = await startPair(wire);
    await using alone = await startGateway({
      config: (api_base) =>
        configText({
          model_list: [
            modelEntry({ model_name: "gpt", model: `${wire.provider}/first`, api_base }),
          ],
        }),
    });
    gateway.answers["first"] = streams(...wire.silent, ...wire.answer);
    alone.upstream.answer((_call, upstream) => streams(...wire.silent, ...wire.answer)(upstream));

    const [held, plain] = await Promise.all(
      [gateway, alone].map(async (one) => (await ask(one, await one.generateKey(), wire)).text()),
    );

    expect(withoutOwn(held)).toBe(withoutOwn(plain));
    expect(held).toContain("Hello");
  },
);

test("an error that is of the request's making goes to the client as it came: nobody else is asked", async () => {
  const wire = wires["a chat"] as Wire;
  await using gateway = await startPair(wire);
  const error = data({ error: { code: "context_length_exceeded", message: "Too long" } });
  gateway.answers["first"] = streams(error);

  const answered = await ask(gateway, await gateway.generateKey(), wire);

  expect(answered.status).toBe(200);
  expect(await answered.text()).toBe(error);
  expect(calledModels(gateway)).toEqual(["first"]);
});

test("where the last deployment fails too, its stream tells of it", async () => {
  const wire = wires["a chat"] as Wire;
  await using gateway = await startPair(wire);
  gateway.answers["first"] = streams(wire.error);
  gateway.answers["spare"] = streams(wire.error.replace("Busy", "Busier"));

  const answered = await ask(gateway, await gateway.generateKey(), wire);

  expect(answered.status).toBe(200);
  expect(await answered.text()).toContain("Busier");
  expect(await gateway.spendLogs()).toMatchObject([
    { upstream_model: "spare", error_code: "overloaded_error", spend: 0 },
    { upstream_model: "first", error_code: "overloaded_error", spend: 0 },
  ]);
});

test("where the other deployment is at its limit, the failure has a status of its own", async () => {
  const wire = wires["a chat"] as Wire;
  await using gateway = await startPair(wire, { rpm: 1 });
  const key = await gateway.generateKey();
  gateway.answers["first"] = streams(wire.error);
  gateway.answers["spare"] = streams(...wire.answer);
  await (await ask(gateway, key, wire)).text();

  const answered = await ask(gateway, key, wire);

  expect(answered.status).toBe(502);
  expect(await answered.json()).toMatchObject({
    error: { message: 'The upstream of model "gpt" broke off its answer: Busy' },
  });
  expect(calledModels(gateway)).toEqual(["first", "spare", "first"]);
});

test.each(["a chat", "a chat at Anthropic"])(
  "%s: a whole answer in the place of a stream is charged for where it says what was used, else the next is asked",
  async (what) => {
    const wire = wires[what] as Wire;
    await using gateway = await startPair(wire);
    const key = await gateway.generateKey();
    const { answer } = wholes[what] as { answer: Record<string, unknown> };
    gateway.answers["spare"] = streams(...wire.answer);

    gateway.answers["first"] = (upstream) => sendJson(upstream, answer);
    expect((await ask(gateway, key, wire)).status).toBe(502);
    expect(calledModels(gateway)).toEqual(["first"]);
    expect(await gateway.spendOf(key)).toBe(0.002);

    gateway.answers["first"] = (upstream) => sendJson(upstream, { ...answer, usage: undefined });
    expect(await (await ask(gateway, key, wire)).text()).toContain("Hello");
    expect(await gateway.spendOf(key)).toBe(0.004);
  },
);

test.each(Object.entries(wires))(
  "%s: a page or an error in the place of a stream has the next deployment asked",
  async (_what, wire) => {
    await using gateway = await startPair(wire);
    const key = await gateway.generateKey();
    gateway.answers["spare"] = streams(...wire.answer);
    for (const failing of ["a page", "an error with status 200"]) {
      gateway.answers["first"] = failures[failing] ?? (() => undefined);

      const answered = await ask(gateway, key, wire);

      expect(answered.status).toBe(200);
      expect(await answered.text()).toContain("Hello");
    }
    expect(await gateway.spendOf(key)).toBe(0.004);
  },
);

test("a client that leaves while nothing has been said ends the upstream's call, and no other is begun", async () => {
  const wire = wires["a chat"] as Wire;
  await using gateway = await startPair(wire);
  const key = await gateway.generateKey();
  const leaving = new AbortController();
  const arrived = new Promise<UpstreamCall>((resolve) => {
    gateway.answers["first"] = (upstream, call) => {
      openStream(upstream, ...wire.silent);
      setTimeout(() => resolve(call), 50);
    };
  });
  const asking = fetch(`${gateway.url}${wire.path}`, {
    method: "POST",
    headers: { authorization: `Bearer ${key}` },
    body: JSON.stringify({ model: "gpt", stream: true, ...wire.fields }),
    signal: leaving.signal,
  });
  const call = await arrived;
  leaving.abort();
  await expect(asking).rejects.toThrow();

  expect(await call.closed).toMatchObject({ wasComplete: false });
  await expect
    .poll(() => gateway.spendLogs())
    .toMatchObject([{ upstream_model: "first", status: "aborted", error_code: "client_closed" }]);
  expect(calledModels(gateway)).toEqual(["first"]);
});

const tokens = { prompt_tokens: 1000, completion_tokens: 500 };

/** Whole answers: by route and provider, what is asked and what comes. */
const wholes: Record<string, Pick<Wire, "path" | "provider" | "fields"> & { answer: object }> = {
  "a chat": {
    path: "/v1/chat/completions",
    provider: "openai",
    fields: { messages },
    answer: { choices: [{ index: 0, message: { content: "Hello" } }], usage: tokens },
  },
  embeddings: {
    path: "/v1/embeddings",
    provider: "openai",
    fields: { input: "Hello" },
    answer: { data: [{ index: 0, embedding: [1] }], usage: { prompt_tokens: 2000 } },
  },
  reranking: {
    path: "/v1/rerank",
    provider: "openai",
    fields: { query: "a", documents: ["b"] },
    answer: { results: [{ index: 0, relevance_score: 1 }], usage: { prompt_tokens: 2000 } },
  },
  Responses: {
    path: "/v1/responses",
    provider: "openai",
    fields: { input: "Hi" },
    answer: { ...unfinished, error: null, status: "completed", usage },
  },
  Messages: {
    path: "/v1/messages",
    provider: "anthropic",
    fields: { messages, max_tokens: 9 },
    answer: { type: "message", content: [{ type: "text", text: "Hello" }], usage },
  },
  "a chat at Anthropic": {
    path: "/v1/chat/completions",
    provider: "anthropic",
    fields: { messages },
    answer: {
      type: "message",
      content: [{ type: "text", text: "Hello" }],
      stop_reason: "end_turn",
      usage,
    },
  },
  "embeddings at Gemini": {
    path: "/v1/embeddings",
    provider: "gemini",
    fields: { input: "Hello" },
    answer: { embeddings: [{ values: [1] }], usageMetadata: { promptTokenCount: 2000 } },
  },
};

const failures: Record<string, (upstream: ServerResponse) => void> = {
  "an error with status 200": (upstream) => sendJson(upstream, { error: overloaded }),
  "an error beside nothing": (upstream) =>
    sendJson(upstream, {
      error: overloaded,
      choices: null,
      data: [],
      output: [],
      results: null,
      usage: { prompt_tokens: 0, completion_tokens: 0, total_tokens: 0 },
    }),
  "a page": (upstream) => void upstream.writeHead(200, { "content-type": "text/html" }).end("<p>"),
  "half a body": (upstream) => {
    upstream.writeHead(200, { "content-type": "application/json", "content-length": "1000" });
    upstream.write('{"id":', () => setTimeout(() => upstream.destroy(), 20));
  },
};

test.each(
  Object.entries(wholes).flatMap(([what, wire]) =>
    Object.entries(failures).map(([failing, fail]) => ({ what, failing, wire, fail })),
  ),
)(
  "$what: $failing in the place of a whole answer has the next deployment asked",
  async ({ wire, fail }) => {
    await using gateway = await startPair(wire);
    const key = await gateway.generateKey();
    gateway.answers["first"] = fail;
    gateway.answers["spare"] = (upstream) => sendJson(upstream, wire.answer);

    const answered = await gateway.request("POST", wire.path, {
      key,
      body: { model: "gpt", ...wire.fields },
    });

    expect(answered.status).toBe(200);
    expect(await answered.text()).not.toContain("Busy");
    expect(answered.headers.get("x-litellm-attempted-retries")).toBe("1");
    expect(await gateway.spendLogs()).toMatchObject([
      { upstream_model: "spare", status: "success", spend: 0.002 },
      { upstream_model: "first", status: "failure", spend: 0, usage: null },
    ]);
  },
);

test("a whole answer that reports what was used is not asked for again, and charged for, whatever else it tells of", async () => {
  await using gateway = await startPair({ provider: "openai" });
  const key = await gateway.generateKey();
  gateway.answers["first"] = (upstream) => sendJson(upstream, { error: overloaded, usage: tokens });

  const answered = await gateway.chat(key);

  expect(answered.status).toBe(502);
  expect(await gateway.spendLogs()).toMatchObject([
    { status: "failure", error_code: "overloaded_error", spend: 0.002, estimated: false },
  ]);
});

test("a stream that reports what was used with its first word is charged for it, though that is an error", async () => {
  const wire = wires["Responses"] as Wire;
  await using gateway = await startPair(wire);
  const key = await gateway.generateKey();
  const response = { ...unfinished, error: overloaded, usage };
  gateway.answers["first"] = streams(...wire.silent, data({ type: "response.failed", response }));

  expect(await (await ask(gateway, key, wire)).text()).toContain("overloaded_error");

  expect(await gateway.spendLogs()).toMatchObject([
    { upstream_model: "first", status: "failure", error_code: "overloaded_error", spend: 0.002 },
  ]);
});

test("what the request did wrong goes to the client, with status 200 as with another", async () => {
  await using gateway = await startPair({ provider: "openai" });
  const error = { code: "context_length_exceeded", type: "invalid_request_error", message: "Long" };
  gateway.answers["first"] = (upstream) => sendJson(upstream, { error });

  const answered = await gateway.chat(await gateway.generateKey());

  expect(answered.status).toBe(400);
  expect(await answered.json()).toEqual({ error: { ...error, param: null } });
  expect(calledModels(gateway)).toEqual(["first"]);
});

test("a connection that breaks once something was said is told to the client, as ever", async () => {
  const wire = wires["a chat"] as Wire;
  await using gateway = await startPair(wire);
  gateway.answers["first"] = (upstream) => {
    openStream(upstream, chunk({ content: "Hello" }));
    setTimeout(() => upstream.destroy(), 50);
  };

  const text = await (await ask(gateway, await gateway.generateKey(), wire)).text();

  expect(text).toContain("Hello");
  expect(text).toContain("broke off before its answer was complete");
  expect(calledModels(gateway)).toEqual(["first"]);
});

test.each(Object.entries(wires).filter(([, { silent, error }]) => silent[0] && error))(
  "%s that ends before it has said anything: whether that is an answer is for its format to say",
  async (_what, wire) => {
    await using gateway = await startPair(wire);
    gateway.answers["first"] = streams(...wire.silent);
    gateway.answers["spare"] = streams(...wire.silent, ...wire.answer);

    const text = await (await ask(gateway, await gateway.generateKey(), wire)).text();

    // Upstreams that are shaped like OpenAI may leave out what tells of the end.
    const mayBeEmpty = wire.path.endsWith("completions") && wire.provider === "openai";
    expect(calledModels(gateway)).toEqual(mayBeEmpty ? ["first"] : ["first", "spare"]);
    expect(text.includes("Hello")).toBe(!mayBeEmpty);
  },
);

test.each([
  ["a chat", chunk({ function_call: { name: "f", arguments: "" } })],
  ["a chat", chunk({ audio: { data: "AAAA" } })],
  ["a chat", chunk({ content: [{ type: "thinking", thinking: [] }] })],
  ["a chat", data({ choices: [{ index: 0, delta: {}, finish_reason: "stop" }] })],
  ["a chat", "data: not JSON\n\n"],
  ["a chat", "data: [DONE]\n\n"],
  ["a completion", data({ choices: [{ index: 0, text: "Hi" }] })],
  ["Responses", data({ type: "response.output_item.added", item: { type: "message" } })],
  ["Responses", data({ type: "response.web_search_call.searching" })],
  ["Messages", data({ type: "content_block_start", content_block: { type: "text" } })],
])("%s is not kept from its client once it has said something: %j", async (what, event) => {
  vi.useFakeTimers();
  const { path, silent } = wires[what] as Wire;
  const { starting, say } = startStream(path.slice("/v1/".length));
  for (const text of silent) say(text);
  expect(vi.getTimerCount()).toBe(1);

  say(event);

  expect(await starting).toMatchObject({ kind: "received" });
});

test("an upstream that sends what nobody can read is not listened to any longer", async () => {
  const wire = wires["a chat at Anthropic"] as Wire;
  await using gateway = await startPair(wire);
  gateway.answers["first"] = (upstream) => openStream(upstream, "data: not JSON\n\n");
  gateway.answers["spare"] = streams(...wire.answer);

  const text = await (await ask(gateway, await gateway.generateKey(), wire)).text();

  expect(text).toContain("Hello");
  expect(await gateway.upstream.calls[0]?.closed).toMatchObject({ wasComplete: false });
});

test.each(["a chat at Anthropic", "a chat"])(
  "%s: an error without a name is known as a failure of the upstream",
  async (what) => {
    const wire = wires[what] as Wire;
    await using gateway = await startPair(wire);
    const key = await gateway.generateKey();
    gateway.answers["first"] = streams(data({ type: "error", error: { message: "Busy" } }));
    gateway.answers["spare"] = streams(...wire.answer);

    await (await ask(gateway, key, wire)).text();

    expect(await gateway.spendLogs()).toMatchObject([
      { upstream_model: "spare", status: "success" },
      { upstream_model: "first", status: "failure", error_code: "upstream_failed" },
    ]);
  },
);

test("what may be large is not kept: an image that is streamed goes on as it comes", async () => {
  const wire: Wire = {
    ...(wires["a chat"] as Wire),
    path: "/v1/images/generations",
    fields: { prompt: "A cat" },
  };
  await using gateway = await startPair(wire);
  gateway.answers["first"] = streams(data({ error: overloaded }));

  const answered = await ask(gateway, await gateway.generateKey(), wire);

  expect(await answered.text()).toContain("overloaded_error");
  expect(calledModels(gateway)).toEqual(["first"]);
});

test("the time to the first byte is the upstream's, however long a stream was kept, and the wait is not the gateway's", async () => {
  const wire = wires["a chat"] as Wire;
  const waitMs = 1_000;
  await using gateway = await startPair(wire);
  gateway.answers["first"] = (upstream) => {
    openStream(upstream, ...wire.silent);
    setTimeout(() => upstream.end(wire.answer.join("")), waitMs);
  };

  const key = await gateway.generateKey();
  const startedAtMs = performance.now();
  const answered = await ask(gateway, key, wire);
  await answered.text();
  const elapsedMs = performance.now() - startedAtMs;

  const overheadMs = Number(answered.headers.get("x-litellm-overhead-duration-ms"));
  expect(elapsedMs - overheadMs).toBeGreaterThanOrEqual(waitMs * 0.9);
  const page = await (await gateway.request("GET", "/metrics")).text();
  const sum = /^keyplane_time_to_first_token_seconds_sum\{[^}]*\} (.+)$/m.exec(page)?.[1];
  expect(elapsedMs - Number(sum) * 1_000).toBeGreaterThanOrEqual(waitMs * 0.9);
});

afterEach(() => {
  vi.useRealTimers();
});

/** A stream in the test's own hands, with another deployment left. */
function startStream(route: string) {
  const endpoint = endpoints.find(({ name }) => name === route);
  const call = { endpoint, isStream: true, asked: "gpt" } as unknown as Call;
  const attempt = { deployment: { secrets: [] }, sentHeaders: [] } as unknown as Attempt;
  let reader: Reader<Buffer> | undefined;
  const answer: Answer = {
    status: 200,
    headers: { "content-type": "text/event-stream" },
    read: (given) => (reader = given),
    abort: () => undefined,
  };
  const received = { kind: "bytes", answer } as const;
  const starting = orFailed(call, attempt, { kind: "received", received, dropped: [] });
  return {
    starting,
    say: (text: string) => reader?.onData(Buffer.from(text), () => undefined),
    end: () => reader?.onEnd(),
  };
}

test.each([
  ["chat/completions", chunk({ content: "Hello" }), "received"],
  ["chat/completions", "data: [DONE]\n\n", "received"],
  ["chat/completions", data({ error: overloaded }), "failed"],
  [
    "responses",
    data({ type: "response.completed", response: { ...unfinished, usage } }),
    "received",
  ],
  ["responses", data({ type: "response.failed", response: { error: overloaded } }), "failed"],
  ["chat/completions", 'data: {"choices":[{"delta":{"content":"Hel', "failed"],
  ["messages", 'data: {"type":"mess', "failed"],
])("on %s, a last event without its blank line counts: %j", async (route, event, kind) => {
  const { starting, say, end } = startStream(route);
  say(event.replace(/\n\n$/, ""));
  end();

  expect(await starting).toMatchObject({ kind });
});

test.each([
  [{ prompt_tokens: 0, completion_tokens: 0, total_tokens: 0 }, "failed"],
  [{ prompt_tokens: 0, completion_tokens: 1 }, "received"],
  [null, "failed"],
])("an error beside a usage of %j has the stream %s", async (reported, kind) => {
  const { starting, say } = startStream("chat/completions");
  say(data({ error: overloaded, usage: reported }));

  expect(await starting).toMatchObject({ kind });
});

test("a stream that says nothing for five seconds goes to the client: it waits no longer for the head", async () => {
  vi.useFakeTimers();
  const { starting, say } = startStream("chat/completions");
  say(": thinking\n\n");
  let isStarted = false;
  void starting.then(() => (isStarted = true));

  await vi.advanceTimersByTimeAsync(4_900);
  expect(isStarted).toBe(false);
  await vi.advanceTimersByTimeAsync(200);
  expect(isStarted).toBe(true);
});

test("a whole answer is waited for to its end, however long its model thinks", async () => {
  vi.useFakeTimers();
  const call = { endpoint: endpoints[0], isStream: false, asked: "gpt" } as unknown as Call;
  const attempt = { deployment: { secrets: [] }, sentHeaders: [] } as unknown as Attempt;
  let reader: EventReader | undefined;
  const source = { read: (given: EventReader) => void (reader = given), abort: () => undefined };
  const received = { kind: "events", source } as const;
  const waiting = orFailed(call, attempt, { kind: "received", received, dropped: [] });

  await vi.advanceTimersByTimeAsync(60_000);
  // Of a whole answer nobody has seen its first words.
  const { message, code } = overloaded;
  reader?.onData(
    [
      { type: "text-delta", text: "Hello" },
      { type: "error", message, code },
    ],
    () => undefined,
  );

  expect(await waiting).toMatchObject({ kind: "failed", failure: { code: "overloaded_error" } });
});

test("of a stream that goes on without a word no more than 64 KB is kept", async () => {
  vi.useFakeTimers();
  const { starting, say } = startStream("chat/completions");
  const comment = `:${" ".repeat(1021)}\n\n`;
  for (let count = 0; count < 65; count += 1) say(comment);

  expect(await starting).toMatchObject({ kind: "received" });
});
