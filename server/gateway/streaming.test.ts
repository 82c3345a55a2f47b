import { EventEmitter, once } from "node:events";
import { pino } from "pino";
import { expect, test, vi } from "vitest";
import { openStream } from "../testing/fake-upstream.ts";
import { masterKey, startGateway, type TestGateway } from "../testing/gateway.ts";

const event = (content: string, model = "gpt-real") =>
  `data: {"model":"${model}","choices":[{"index":0,"delta":{"content":"${content}"}}]}\n\n`;

/** All that the standard lets a stream consist of. */
const oddEvents = (model: string) =>
  [
    ": OPENROUTER PROCESSING\n\n",
    ":\n\n",
    ":\r\n\r\n",
    `event: message\nid: 7\n${event("a", model)}`,
    event("b", model).replaceAll("\n", "\r\n"),
    `: note\ndata:{"model":"${model}","choices":[]}\n\n`,
    "retry: 10\n\n",
    "data: [DONE]\n\n",
    ":\n\n",
  ].join("");

/** Has the upstream answer streams with these bytes, in one write, and end. */
function streams(gateway: TestGateway, bytes: string): void {
  gateway.upstream.answer((_call, response) => {
    openStream(response, bytes);
    response.end();
  });
}

async function streamText(gateway: TestGateway, key = masterKey): Promise<string> {
  return (await gateway.chat(key, { stream: true })).text();
}

/** The last row of the ledger, once there is one. */
async function lastRow(gateway: TestGateway): Promise<Record<string, unknown>> {
  return vi.waitFor(async () => {
    const [row] = await gateway.spendLogs();
    if (!row) throw new Error("No row has been written yet");
    return row;
  });
}

test("the head goes to the client before the upstream's first chunk, and tells proxies not to wait", async () => {
  await using gateway = await startGateway();
  const client = new EventEmitter();
  gateway.upstream.answer(async (_call, response) => {
    openStream(response);
    await once(client, "head");
    response.end("data: [DONE]\n\n");
  });

  const response = await gateway.chat(masterKey, { stream: true });

  expect(response.headers.get("content-type")).toBe("text/event-stream; charset=utf-8");
  expect(response.headers.get("x-accel-buffering")).toBe("no");
  expect(response.headers.get("cache-control")).toContain("no-transform");
  expect(response.headers.get("content-encoding")).toBeNull();
  client.emit("head");
  expect(await response.text()).toBe("data: [DONE]\n\n");
});

test("each chunk goes to the client when it comes, not when the next one does", async () => {
  await using gateway = await startGateway();
  const client = new EventEmitter();
  gateway.upstream.answer(async (_call, response) => {
    openStream(response);
    for (const part of ["one", "two"]) {
      const seen = once(client, "chunk");
      response.write(event(part));
      await seen;
    }
    response.end();
  });

  const response = await gateway.chat(masterKey, { stream: true });
  const seen: string[] = [];
  for await (const chunk of response.body ?? []) {
    seen.push(Buffer.from(chunk).toString());
    client.emit("chunk");
  }

  expect(seen).toEqual([event("one", "gpt"), event("two", "gpt"), "data: [DONE]\n\n"]);
});

test.each([
  ["x-request-id", "client-id-1"],
  ["x-litellm-call-id", "client-id-2"],
])("the id in %s is echoed and is the row's request_id", async (header, id) => {
  await using gateway = await startGateway();
  const body = { model: "gpt", stream: true, messages: [{ role: "user", content: "Hi" }] };

  const response = await gateway.request("POST", "/v1/chat/completions", {
    body,
    headers: { [header]: id },
  });
  await response.text();

  expect(response.headers.get("x-request-id")).toBe(id);
  expect(response.headers.get("x-litellm-call-id")).toBe(id);
  expect(await gateway.spendLogs(`request_id=${id}`)).toHaveLength(1);
});

test("a call without an id, or with one that no header can carry on, is given one", async () => {
  await using gateway = await startGateway();
  const body = { model: "gpt", messages: [{ role: "user", content: "Hi" }] };
  const unusable: Record<string, string>[] = [
    {},
    { "x-request-id": "a b" },
    { "x-request-id": "x".repeat(129) },
  ];

  const ids = await Promise.all(
    unusable.map(async (headers) => {
      const response = await gateway.request("POST", "/v1/chat/completions", { body, headers });
      return response.headers.get("x-request-id");
    }),
  );

  for (const id of ids) expect(id).toMatch(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
  expect(new Set(ids).size).toBe(3);
});

test("CRLF line ends, comments, event and id lines go through unchanged", async () => {
  await using gateway = await startGateway();
  streams(gateway, oddEvents("gpt-real"));

  expect(await streamText(gateway)).toBe(oddEvents("gpt"));
});

test("a comment of one character in a chunk of its own goes through", async () => {
  await using gateway = await startGateway();
  gateway.upstream.answer(async (_call, response) => {
    openStream(response);
    for (const piece of [":\n\n", event("a"), "\n\n", "data: [DONE]\n\n"])
      await new Promise((resolve) => response.write(piece, () => setImmediate(resolve)));
    response.end();
  });

  const text = await streamText(gateway);

  expect(text).toBe(`:\n\n${event("a", "gpt")}\n\ndata: [DONE]\n\n`);
  expect(await lastRow(gateway)).toMatchObject({ status: "success" });
});

test("a last event without its blank line is passed on with one", async () => {
  await using gateway = await startGateway();
  streams(gateway, `${event("a")}data: [DONE]`);

  expect(await streamText(gateway)).toBe(`${event("a", "gpt")}data: [DONE]\n\n`);
});

test("a stream without [DONE] is given one", async () => {
  await using gateway = await startGateway();
  streams(gateway, event("a"));

  expect(await streamText(gateway)).toBe(`${event("a", "gpt")}data: [DONE]\n\n`);
});

test.each([
  ["an object", 'data: {"error":{"message":"overloaded","code":503}}\n\n', "503"],
  [
    "a text",
    'data: {"error":"Request failed during generation","error_type":"generation"}\n\n',
    "upstream_failed",
  ],
  [
    "an event of that name",
    'event: error\ndata: {"error":{"message":"overloaded"}}\n\n',
    "upstream_failed",
  ],
  [
    "one that has a type alone",
    'data: {"error":{"message":"Busy","type":"overloaded_error","code":null}}\n\n',
    "overloaded_error",
  ],
  [
    "one that tells a secret",
    'data: {"error":{"message":"No","code":"bad_key_upstream-secret"}}\n\n',
    "bad_key_***",
  ],
])(
  "an error in the stream, as %s, reaches the client; no [DONE] follows, and the row says failure by its name",
  async (_what, error, error_code) => {
    await using gateway = await startGateway();
    streams(gateway, `${event("a")}${error}data: [DONE]\n\n`);

    expect(await streamText(gateway)).toBe(`${event("a", "gpt")}${error}`);
    expect(await lastRow(gateway)).toMatchObject({
      status: "failure",
      error_code,
      estimated: true,
      streamed: true,
    });
  },
);

test('an "error" that is null is none', async () => {
  await using gateway = await startGateway();
  streams(gateway, 'data: {"error":null,"choices":[]}\n\n');

  expect(await streamText(gateway)).toBe('data: {"error":null,"choices":[]}\n\ndata: [DONE]\n\n');
  expect(await lastRow(gateway)).toMatchObject({ status: "success" });
});

test("an upstream that dies in mid-stream is told as an error event, and what it generated is charged", async () => {
  await using gateway = await startGateway();
  const key = await gateway.generateKey();
  gateway.upstream.answer((_call, response) => {
    openStream(response);
    response.write(event("Hello there, how are you"), () => response.destroy());
  });

  const text = await streamText(gateway, key);

  const [first, second, ...rest] = text.split("\n\n");
  expect(`${first}\n\n`).toBe(event("Hello there, how are you", "gpt"));
  expect(JSON.parse(second?.slice("data: ".length) ?? "")).toEqual({
    error: {
      message: expect.stringContaining('"gpt"'),
      type: "upstream_error",
      param: null,
      code: null,
    },
  });
  expect(rest).toEqual([""]);
  expect(await lastRow(gateway)).toMatchObject({
    status: "failure",
    estimated: true,
    usage: { input: 8, output: 6 },
  });
  expect(await gateway.spendOf(key)).toBe(0.00002);
});

test("why an attempt failed is in the operator's log, once, before its answer as in the middle of it", async () => {
  const lines: string[] = [];
  const logger = pino({ level: "warn" }, { write: (line: string) => void lines.push(line) });
  await using gateway = await startGateway({ logger });
  gateway.upstream.answer((_call, response) => {
    response.writeHead(503).end();
  });
  const refused = await gateway.chat(masterKey);
  streams(gateway, `${event("a")}data: {"error":{"message":"Busy","code":"overloaded"}}\n\n`);
  const broken = await gateway.chat(masterKey, { stream: true });
  await broken.text();
  await gateway.deps.gateway.inFlight.none();

  const failed = lines
    .map((line) => JSON.parse(line) as Record<string, unknown>)
    .filter(({ msg }) => msg === "upstream attempt failed");
  expect(failed).toMatchObject([
    {
      requestId: refused.headers.get("x-request-id"),
      model: "gpt",
      reason: "status 503",
    },
    {
      requestId: broken.headers.get("x-request-id"),
      model: "gpt",
      reason: "error in the answer: overloaded",
    },
  ]);
});

test("a stream that ends with usage and then breaks is charged what was reported", async () => {
  await using gateway = await startGateway();
  const key = await gateway.generateKey();
  gateway.upstream.answer((_call, response) => {
    openStream(response);
    const usage = '{"prompt_tokens":1000,"completion_tokens":500,"total_tokens":1500}';
    response.write(`${event("Hi")}data: {"choices":[],"usage":${usage}}\n\n`, () =>
      response.destroy(),
    );
  });

  await streamText(gateway, key);

  expect(await gateway.spendOf(key)).toBe(0.002);
  expect(await lastRow(gateway)).toMatchObject({ status: "failure", estimated: false });
});

test("an answer to a stream that is no event stream is an error, and its connection is dropped", async () => {
  await using gateway = await startGateway();
  gateway.upstream.answer((_call, response) => {
    response.writeHead(200, { "content-type": "text/html" }).write("<html>");
  });

  const response = await gateway.chat(masterKey, { stream: true });

  expect(response.status).toBe(502);
  expect(await response.json()).toMatchObject({ error: { type: "upstream_error" } });
  expect(await gateway.upstream.calls[0]?.closed).toMatchObject({ wasComplete: false });
});
