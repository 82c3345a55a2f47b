import type { ServerResponse } from "node:http";
import { afterEach, expect, test, vi } from "vitest";
import type { Answer } from "../providers/call.ts";
import type { CallFailure, Reader } from "../providers/source.ts";
import { openStream, sendJson, type UpstreamCall } from "../testing/fake-upstream.ts";
import { configText, modelEntry, startGateway, type TestGateway } from "../testing/gateway.ts";
import type { Attempt, Call } from "./call.ts";
import { endpoints } from "./endpoints.ts";
import { orFailed } from "./stream-start.ts";

const messages = [{ role: "user", content: "Hi" }];

interface Wire {
  readonly path: string;
  /** Before a model's name, in config.yaml. */
  readonly provider: "openai" | "anthropic";
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
  silent: [": nothing\n\n"],
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
  gateway.upstream.answer((call, response) =>
    answers[String(call.body["model"])]?.(response, call),
  );
  return Object.assign(gateway, { answers });
}

function ask(gateway: TestGateway, key: string, { path, fields }: Wire): Promise<Response> {
  return gateway.request("POST", path, { key, body: { model: "gpt", stream: true, ...fields } });
}

const calledModels = ({ upstream }: TestGateway) => upstream.calls.map(({ body }) => body["model"]);

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
    error: { message: 'The upstream of model "gpt" broke off before its answer was complete' },
  });
  expect(calledModels(gateway)).toEqual(["first", "spare", "first"]);
});

test("a whole reply in the place of a stream is an error as ever", async () => {
  const wire = wires["a chat"] as Wire;
  await using gateway = await startPair(wire);
  gateway.answers["first"] = (upstream) => sendJson(upstream, { choices: [] });

  expect((await ask(gateway, await gateway.generateKey(), wire)).status).toBe(502);
  expect(calledModels(gateway)).toEqual(["first"]);
});

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

afterEach(() => {
  vi.useRealTimers();
});

/** A stream in the test's own hands. */
function scriptedAnswer() {
  let reader: Reader<Buffer> | undefined;
  let aborts = 0;
  const answer: Answer = {
    status: 200,
    headers: { "content-type": "text/event-stream" },
    read: (given) => (reader = given),
    abort: () => (aborts += 1),
  };
  return {
    answer,
    aborts: () => aborts,
    say: (text: string, resume = () => undefined) => reader?.onData(Buffer.from(text), resume),
    end: () => reader?.onEnd(),
    fail: (failure: CallFailure) => reader?.onFailure(failure),
  };
}

function start(answer: Answer) {
  const call = {
    endpoint: endpoints.find(({ name }) => name === "chat/completions"),
  } as unknown as Call;
  const attempt = { deployment: { secrets: [] }, sentHeaders: [] } as unknown as Attempt;
  const received = { kind: "bytes", answer } as const;
  return orFailed(call, attempt, { kind: "received", received, dropped: [] });
}

/** What a reader of the stream is told from now on. */
async function readOn(outcome: Awaited<ReturnType<typeof start>>) {
  if (outcome.kind !== "received" || outcome.received.kind !== "bytes")
    throw new Error(`The stream did not start: ${outcome.kind}`);
  const told: unknown[] = [];
  outcome.received.answer.read({
    onData: (piece) => told.push(piece.toString()) > 2,
    onEnd: () => told.push("end"),
    onFailure: (failure) => told.push(failure),
  });
  return told;
}

test("what was read ahead is handed on first, in the pieces in which it came, and then what follows", async () => {
  const { answer, say, end } = scriptedAnswer();
  const starting = start(answer);
  const first = chunk({ role: "assistant" });
  expect(say(first.slice(0, 10))).toBe(true);
  expect(say(first.slice(10))).toBe(true);
  expect(say(chunk({ content: "Hello" }))).toBe(true);
  // In the same read of the socket, before anybody could know.
  expect(say("data: [DO")).toBe(true);

  const told = await readOn(await starting);
  expect(say("NE]\n\n")).toBe(true);
  end();

  expect(told).toEqual([
    first.slice(0, 10),
    first.slice(10),
    chunk({ content: "Hello" }),
    "data: [DO",
    "NE]\n\n",
    "end",
  ]);
});

test("a reader that asks for a pause is heard", async () => {
  const { answer, say } = scriptedAnswer();
  const starting = start(answer);
  say(chunk({ content: "Hello" }));
  await readOn(await starting);

  expect(say("data: 2\n\n")).toBe(false);
  expect(say("data: 3\n\n")).toBe(true);
});

test.each([
  ["an end", "end", (script: ReturnType<typeof scriptedAnswer>) => script.end()],
  [
    "a failure",
    { kind: "broken", reason: "reset" },
    (script: ReturnType<typeof scriptedAnswer>) => script.fail({ kind: "broken", reason: "reset" }),
  ],
] as const)("%s that came with the first words is told after them", async (_what, last, make) => {
  const script = scriptedAnswer();
  const starting = start(script.answer);
  script.say(chunk({ content: "Hello" }));
  make(script);

  expect(await readOn(await starting)).toEqual([chunk({ content: "Hello" }), last]);
});

test("a stream that ends without a word is left to who writes the reply", async () => {
  const { answer, end } = scriptedAnswer();
  const starting = start(answer);
  end();

  expect(await readOn(await starting)).toEqual(["end"]);
});

test("an upstream that told of an error is not listened to any longer", async () => {
  const { answer, say, aborts } = scriptedAnswer();
  const starting = start(answer);
  say(data({ error: overloaded }));

  expect(await starting).toMatchObject({ kind: "failed", failure: { code: "overloaded_error" } });
  expect(aborts()).toBe(1);
});

test("a stream that says nothing for five seconds goes to the client: it waits no longer for the head", async () => {
  vi.useFakeTimers();
  const { answer, say } = scriptedAnswer();
  const starting = start(answer);
  say(": thinking\n\n");
  let isStarted = false;
  void starting.then(() => (isStarted = true));

  await vi.advanceTimersByTimeAsync(4_900);
  expect(isStarted).toBe(false);
  await vi.advanceTimersByTimeAsync(200);
  expect(isStarted).toBe(true);
  expect(await readOn(await starting)).toEqual([": thinking\n\n"]);
  expect(vi.getTimerCount()).toBe(0);
});

test("once it has started, or failed, no timer is left", async () => {
  vi.useFakeTimers();
  for (const text of [chunk({ content: "Hello" }), data({ error: overloaded })]) {
    const { answer, say } = scriptedAnswer();
    const starting = start(answer);
    expect(vi.getTimerCount()).toBe(1);
    say(text);
    await starting;
    expect(vi.getTimerCount()).toBe(0);
  }
});

test("of a stream that goes on without a word no more than 64 KB is kept", async () => {
  const { answer, say } = scriptedAnswer();
  const starting = start(answer);
  const comment = `:${" ".repeat(1021)}\n\n`;
  for (let count = 0; count < 65; count += 1) say(comment);

  expect(await readOn(await starting)).toHaveLength(65);
});
