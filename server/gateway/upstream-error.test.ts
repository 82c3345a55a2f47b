import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import type { Answer } from "../providers/call.ts";
import {
  answerLikeOpenAi,
  chatReply,
  reportedUsage,
  sendJson,
  startUpstream,
} from "../testing/fake-upstream.ts";
import {
  configText,
  expectError,
  masterKey,
  modelEntry,
  startGateway,
  type TestGateway,
} from "../testing/gateway.ts";
import { failureOfAnswer } from "./upstream-error.ts";

let gateway: TestGateway;

beforeAll(async () => {
  const gone = await startUpstream();
  await gone.close();
  gateway = await startGateway({
    config: (api_base) =>
      configText({
        model_list: [
          modelEntry({ model_name: "gpt", api_base }),
          modelEntry({ model_name: "pair", api_base }),
          modelEntry({ model_name: "pair", model: "openai/other", api_base }),
          modelEntry({ model_name: "impatient", api_base, timeout: 1 }),
          modelEntry({ model_name: "unreachable", api_base: gone.url }),
          {
            model_name: "keyless",
            litellm_params: { model: "openai/gpt-4o", api_key: "os.environ/NOT_SET_ANYWHERE" },
          },
        ],
      }),
  });
});

afterEach(async () => {
  gateway.upstream.answer(answerLikeOpenAi);
  const response = await gateway.chat(masterKey);
  expect(response.status, "the gateway serves on").toBe(200);
  await response.text();
});

afterAll(() => gateway[Symbol.asyncDispose]());

const invalid = { status: 400, type: "invalid_request_error" };
const upstreamFailed = { status: 502, type: "upstream_error" };

test("a model whose upstream has no credentials is 503", async () => {
  const response = await gateway.chat(masterKey, { model: "keyless" });

  await expectError(response, { status: 503, type: "upstream_error", code: "model_unavailable" });
  expect(response.headers.get("retry-after")).toBe("60");
});

test("an odd error code of an upstream never keeps a row from being written", async () => {
  gateway.upstream.answer((_call, response) =>
    sendJson(response, { error: { message: "no\0\ud800", code: "their\0code\ud800" } }, 400),
  );

  const response = await gateway.chat(masterKey);

  expect(response.status).toBe(400);
  const rows = await gateway.spendLogs(`request_id=${response.headers.get("x-request-id")}`);
  expect(rows).toMatchObject([{ status: "failure", error_code: expect.stringContaining("their") }]);
});

test.each([false, true])(
  "an upstream's page of HTML, with 200 or with 500, is an error of the upstream (stream: %s)",
  async (stream) => {
    for (const status of [200, 500]) {
      gateway.upstream.answer((_call, response) => {
        response
          .writeHead(status, { "content-type": "text/html" })
          .end("<html>upstream-secret</html>");
      });
      await expectError(await gateway.chat(masterKey, { stream }), upstreamFailed);
    }
  },
);

test.each(["", "{", '{"choices":[}', "[1]", "null", '{"usage":{,}}'])(
  "an upstream's answer of %j, sent as text, is an error of the upstream",
  async (text) => {
    gateway.upstream.answer((_call, response) => {
      response.writeHead(200, { "content-type": "text/plain" }).end(text);
    });

    await expectError(await gateway.chat(masterKey), upstreamFailed);
  },
);

const broken = ["{oops}", '{"choices":[}', '{"a":1}garbage{}', String.raw`{"\q":1}`, '{"a":1,}'];

test.each(broken.flatMap((text) => [text, text + " ".repeat(20_000), " ".repeat(20_000) + text]))(
  "an upstream's answer that is no JSON although it says so is an error of the upstream",
  async (text) => {
    gateway.upstream.answer((_call, response) => {
      response.writeHead(200, { "content-type": "application/json" }).end(text);
    });

    await expectError(await gateway.chat(masterKey), upstreamFailed);
  },
);

test("a large reply reaches the client as it is, and is charged what it reports", async () => {
  const key = await gateway.generateKey();
  const reply = {
    model: "gpt",
    choices: [{ message: { content: "é".repeat(20_000) } }],
    usage: reportedUsage,
  };
  gateway.upstream.answer((_call, response) => sendJson(response, reply));

  const response = await gateway.chat(key);

  expect(await response.json()).toEqual(reply);
  expect(await gateway.spendOf(key)).toBe(0.002);
});

test("what an upstream says about the request is passed on: status, message, type, param, code", async () => {
  const error = {
    message: "too long",
    type: "their_type",
    param: "messages",
    code: "context_length_exceeded",
  };
  for (const status of [400, 409, 413, 415, 422]) {
    gateway.upstream.answer((_call, response) => sendJson(response, { error }, status));
    expect(await expectError(await gateway.chat(masterKey), { ...error, status })).toBe("too long");
  }
});

test.each([
  ["a text as error", { error: "too long" }, "too long"],
  ["no error around it", { message: "too long" }, "too long"],
  ["something else", ["too long"], "refused the request"],
])("an upstream's refusal with %s is still told", async (_what, body, words) => {
  gateway.upstream.answer((_call, response) => sendJson(response, body, 400));

  expect(await expectError(await gateway.chat(masterKey), invalid)).toContain(words);
});

test.each([401, 402, 403, 404])(
  "an upstream's %i is 502, without the upstream's words",
  async (status) => {
    gateway.upstream.answer((_call, response) =>
      sendJson(
        response,
        { error: { message: "Incorrect API key provided: upstream-secret" } },
        status,
      ),
    );

    await expectError(await gateway.chat(masterKey), upstreamFailed);
  },
);

test("keys in an upstream's words about the request are not passed on", async () => {
  const error = {
    message: "Bad use of sk-proj-12345678 with Bearer abcdefgh",
    param: "https://user:password@host/",
    code: "sk-proj-12345678",
  };
  gateway.upstream.answer((_call, response) => sendJson(response, { error }, 400));

  const response = await gateway.chat(masterKey);

  expect(
    await expectError(response, { ...invalid, param: "https://user:***@host/", code: "sk-***" }),
  ).toBe("Bad use of sk-*** with Bearer ***");
});

test("an upstream that quotes the deployment's own key does not tell it to the client", async () => {
  const told = {
    message: "Key upstream-secret cannot do this",
    param: "none",
    code: "x-upstream-secret",
  };
  const answer: Answer = {
    status: 400,
    headers: {},
    read(reader) {
      reader.onData(Buffer.from(JSON.stringify({ error: told })), () => undefined);
      reader.onEnd();
    },
    abort: () => undefined,
  };

  const { error } = await failureOfAnswer(answer, "gpt", {
    sentHeaders: [
      "content-type",
      "application/json",
      "authorization",
      "Bearer upstream-secret",
      "x-team",
      "none",
    ],
  });

  expect(error.message).toBe("Key *** cannot do this");
  expect(error.details).toMatchObject({ param: "none", upstream: { code: "x-***" } });
});

test.each([401, 429, 503])(
  "an upstream that falls silent after the head of a %i is not waited for",
  async (status) => {
    const { calls } = gateway.upstream;
    const first = calls.length;
    gateway.upstream.answer((call, response) => {
      if (call === calls[first]) response.writeHead(status).write("wait for it");
      else sendJson(response, chatReply(call.body));
    });

    const response = await gateway.chat(masterKey, { model: "pair" });

    expect(response.status).toBe(200);
    expect(response.headers.get("x-litellm-attempted-retries")).toBe("1");
    expect(await calls[first]?.closed).toMatchObject({ wasComplete: false });
  },
);

test.each([
  ["retry-after", "7", "7"],
  ["retry-after", "Wed, 21 Oct 2026 07:28:00 GMT", "Wed, 21 Oct 2026 07:28:00 GMT"],
  ["retry-after-ms", "1250.5", "1250.5"],
  ["retry-after", "soon", null],
  ["retry-after", "soon…", null],
  ["retry-after-ms", "-1", null],
])("an upstream's 429 with %s: %j is a 429 that says %j", async (name, value, told) => {
  gateway.upstream.answer((_call, response) => {
    // Node's own server would refuse to send what some send.
    response.socket?.end(`HTTP/1.1 429 Slow\r\n${name}: ${value}\r\ncontent-length: 0\r\n\r\n`);
  });

  const response = await gateway.chat(masterKey);

  expect(response.status).toBe(429);
  expect(response.headers.get(name)).toBe(told);
});

test("a whole reply to a stream request is 502, and charged what it reports", async () => {
  const key = await gateway.generateKey();
  gateway.upstream.answer(({ body }, response) => sendJson(response, chatReply(body)));

  await expectError(await gateway.chat(key, { stream: true }), upstreamFailed);

  expect(await gateway.spendOf(key)).toBe(0.002);
  const [row] = await gateway.spendLogs();
  expect(row).toMatchObject({ status: "failure", estimated: false, usage: { input: 1000 } });
});

test("a whole reply to a stream request that reports nothing is 502, and free", async () => {
  const key = await gateway.generateKey();
  gateway.upstream.answer((_call, response) => sendJson(response, { detail: "no streams here" }));

  await expectError(await gateway.chat(key, { stream: true }), upstreamFailed);

  expect(await gateway.spendOf(key)).toBe(0);
});

test("embeddings heed no stream: the upstream's whole reply is passed on, and its usage is not asked for", async () => {
  const key = await gateway.generateKey();

  const response = await gateway.request("POST", "/v1/embeddings", {
    key,
    body: { model: "gpt", input: "Hi", stream: true },
  });

  expect(await response.json()).toMatchObject({ object: "list", model: "gpt" });
  expect(gateway.upstream.calls.at(-1)?.body).not.toHaveProperty("stream_options");
  const [row] = await gateway.spendLogs();
  expect(row).toMatchObject({ status: "success", streamed: false, spend: 0.001 });
});

test("an upstream that dies in the middle of a whole reply is 502", async () => {
  gateway.upstream.answer((_call, response) => {
    response.writeHead(200, { "content-type": "application/json", "content-length": "1000" });
    response.write('{"choices":[', () => response.destroy());
  });

  await expectError(await gateway.chat(masterKey), upstreamFailed);
});

test("an upstream that hangs up without an answer, or that nobody listens at, is 502", async () => {
  gateway.upstream.answer((_call, response) => {
    response.destroy();
  });

  await expectError(await gateway.chat(masterKey), upstreamFailed);
  await expectError(await gateway.chat(masterKey, { model: "unreachable" }), upstreamFailed);
});

test.each([false, true])(
  "an upstream that never answers is 504 after the deployment's timeout (stream: %s)",
  async (stream) => {
    gateway.upstream.answer(() => undefined);

    const response = await gateway.chat(masterKey, { model: "impatient", stream });

    await expectError(response, { status: 504, type: "upstream_error", code: "upstream_timeout" });
    expect(await gateway.upstream.calls.at(-1)?.closed).toMatchObject({ wasComplete: false });
  },
);

test("an upstream that falls silent in mid-stream is a timeout in the stream", async () => {
  gateway.upstream.answer((_call, response) => {
    response
      .writeHead(200, { "content-type": "text/event-stream" })
      .write('data: {"choices":[]}\n\n');
  });

  const text = await (await gateway.chat(masterKey, { model: "impatient", stream: true })).text();

  expect(text).toMatch(
    /^data: {"choices":\[\]}\n\ndata: {"error":{.*"code":"upstream_timeout"}}\n\n$/,
  );
});
