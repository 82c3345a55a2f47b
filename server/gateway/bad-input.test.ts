import { once } from "node:events";
import { request as httpRequest } from "node:http";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { answerLikeOpenAi, sendJson, startUpstream } from "../testing/fake-upstream.ts";
import {
  configText,
  masterKey,
  modelEntry,
  startGateway,
  type TestGateway,
} from "../testing/gateway.ts";

const megabyte = 1_048_576;
const maxBodyMb = 11;

let gateway: TestGateway;

beforeAll(async () => {
  const gone = await startUpstream();
  await gone.close();
  gateway = await startGateway({
    config: (api_base) =>
      configText({
        model_list: [
          modelEntry({ model_name: "gpt", api_base }),
          modelEntry({ model_name: "any/*", model: "openai/*", api_base }),
          modelEntry({ model_name: "impatient", api_base, timeout: 1 }),
          modelEntry({ model_name: "unreachable", api_base: gone.url }),
          {
            model_name: "keyless",
            litellm_params: { model: "openai/gpt-4o", api_key: "os.environ/NOT_SET_ANYWHERE" },
          },
        ],
        general_settings: { max_request_size_mb: maxBodyMb },
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

interface Expected {
  readonly status: number;
  readonly type: string;
  readonly param?: string;
  readonly code?: string;
}

/** Checks the whole error, and that it tells nothing that it must not; returns its message. */
async function expectError(
  response: Response,
  { status, type, param, code }: Expected,
): Promise<string> {
  const text = await response.text();
  const body = JSON.parse(text) as { error: { message: string } };
  expect({ status: response.status, body }).toEqual({
    status,
    body: {
      error: {
        message: expect.stringMatching(/\S/),
        type,
        param: param ?? null,
        code: code ?? null,
      },
    },
  });
  expect(response.headers.get("content-type")).toMatch(/^application\/json/);
  expect(response.headers.get("x-request-id")).toMatch(/\S/);
  expect(text).not.toMatch(
    /upstream-secret|sk-master|node_modules|\bat [^"]+:\d+:\d+|127\.0\.0\.1/,
  );
  return body.error.message;
}

const invalid = { status: 400, type: "invalid_request_error" };
const upstreamFailed = { status: 502, type: "upstream_error" };

function post(body: string, key: string | null = masterKey): Promise<Response> {
  return gateway.request("POST", "/v1/chat/completions", { key, body });
}

const validBody = JSON.stringify({ model: "gpt", messages: [{ role: "user", content: "Hi" }] });

test("without a key, or with one that is none, a call is refused with 401", async () => {
  const refused = { status: 401, type: "auth_error", code: "invalid_api_key" };

  expect(await expectError(await post(validBody, null), refused)).toMatch(/No API key/);
  for (const key of ["", "garbage", "sk-unknown-to-everyone", "é".repeat(10), "x".repeat(5_000)]) {
    const message = await expectError(
      await gateway.request("POST", "/v1/chat/completions", {
        key: null,
        body: validBody,
        headers: { "x-api-key": encodeURI(key) },
      }),
      refused,
    );
    if (key !== "") expect(message).not.toContain(encodeURI(key));
  }
});

test("a key is read from each header that clients send one in", async () => {
  const key = await gateway.generateKey();

  for (const header of [
    "x-litellm-api-key",
    "authorization",
    "api-key",
    "x-api-key",
    "x-goog-api-key",
  ])
    for (const value of [key, `Bearer ${key}`, `bearer ${key}`]) {
      const response = await gateway.request("POST", "/v1/chat/completions", {
        key: null,
        body: validBody,
        headers: { [header]: value },
      });
      expect({ header, status: response.status }).toEqual({ header, status: 200 });
      await response.text();
    }
});

test("a blocked key and an expired one are refused with 401, and say so", async () => {
  const blocked = await gateway.generateKey({ blocked: true });
  const expired = await gateway.generateKey({ key_alias: "temporary" });
  await gateway.deps.database
    .sql`update virtual_key set expires = now() - interval '1 second' where key_alias = 'temporary'`;

  await expectError(await gateway.chat(blocked), {
    status: 401,
    type: "auth_error",
    code: "key_blocked",
  });
  const message = await expectError(await gateway.chat(expired), {
    status: 401,
    type: "expired_key",
    code: "expired_key",
  });
  expect(message).toContain('key "temporary"');
});

test("a route that a key is not for is refused with 403", async () => {
  const refused = { status: 403, type: "permission_error", code: "route_not_allowed" };
  const chatOnly = await gateway.generateKey({ allowed_routes: ["/chat/completions"] });
  const readOnly = await gateway.generateKey({ key_type: "read_only" });
  const call = (path: string, key: string) =>
    gateway.request("POST", path, { key, body: { model: "gpt", input: "Hi" } });

  expect((await gateway.chat(chatOnly)).status).toBe(200);
  for (const path of ["/v1/embeddings", "/embeddings", "/openai/deployments/gpt/embeddings"])
    await expectError(await call(path, chatOnly), refused);
  await expectError(await gateway.request("GET", "/v1/models", { key: chatOnly }), refused);
  await expectError(await gateway.chat(readOnly), refused);
  expect((await gateway.request("GET", "/v1/models", { key: readOnly })).status).toBe(200);
});

test("an address that a key may not be used from is refused with 403", async () => {
  const elsewhere = await gateway.generateKey({ allowed_ips: ["10.0.0.0/8", "2001:db8::/32"] });
  const here = await gateway.generateKey({ allowed_ips: ["127.0.0.0/8"] });

  await expectError(await gateway.chat(elsewhere), {
    status: 403,
    type: "permission_error",
    code: "ip_not_allowed",
  });
  expect((await gateway.chat(here)).status).toBe(200);
});

test("to a key that may not call them, a model that exists and one that does not are refused alike", async () => {
  const key = await gateway.generateKey({ models: ["impatient"], key_alias: "narrow" });
  const refused = {
    status: 403,
    type: "key_model_access_denied",
    param: "model",
    code: "model_access_denied",
  };

  const real = await expectError(await gateway.chat(key, { model: "gpt" }), refused);
  const unreal = await expectError(await gateway.chat(key, { model: "xyz" }), refused);

  expect(unreal).toBe(real.replace('"gpt"', '"xyz"'));
});

test("a model that does not exist is 404 to a key that may call any", async () => {
  const key = await gateway.generateKey();
  const missing = {
    status: 404,
    type: "invalid_request_error",
    param: "model",
    code: "model_not_found",
  };

  expect(await expectError(await gateway.chat(key, { model: "xyz" }), missing)).toContain('"xyz"');
  await expectError(await gateway.request("GET", "/v1/models/xyz", { key }), missing);
});

test("a model whose upstream has no credentials is 503", async () => {
  const response = await gateway.chat(masterKey, { model: "keyless" });

  await expectError(response, { status: 503, type: "upstream_error", code: "model_unavailable" });
  expect(response.headers.get("retry-after")).toBe("60");
});

test.each([
  ["nothing", ""],
  ["half of an object", '{"model":"gpt","messages":[{"role":'],
  ["a form", "model=gpt&messages=Hi"],
  ["a list", `[${validBody}]`],
  ["null", "null"],
  ["a text", '"gpt"'],
  ["a number", "1"],
  ["a NUL", "\0"],
])("a body that is %s is refused", async (_what, body) => {
  await expectError(await post(body), invalid);
});

test.each<[string, Record<string, unknown>, string]>([
  ["no model", { model: undefined }, "model"],
  ["an empty model", { model: "" }, "model"],
  ["a number for a model", { model: 4 }, "model"],
  ["null for a model", { model: null }, "model"],
  ["messages that are a text", { messages: "Hi" }, "messages"],
  ["no messages", { messages: undefined }, "messages"],
  ["an empty list of messages", { messages: [] }, "messages"],
  ["a message without a role", { messages: [{ content: "Hi" }] }, "messages.0.role"],
  ["a message that is a text", { messages: ["Hi"] }, "messages.0"],
  ["stream that is a text", { stream: "yes" }, "stream"],
  ["stream that is a number", { stream: 1 }, "stream"],
  ["stream_options that are a text", { stream_options: "usage" }, "stream_options"],
  ["max_tokens below zero", { max_tokens: -1 }, "max_tokens"],
  ["max_tokens with a fraction", { max_tokens: 1.5 }, "max_tokens"],
  [
    "max_completion_tokens that are a text",
    { max_completion_tokens: "10" },
    "max_completion_tokens",
  ],
  ["n of zero", { n: 0 }, "n"],
])("a call with %s is refused, naming the field", async (_what, fields, param) => {
  const { length } = gateway.upstream.calls;

  const message = await expectError(await gateway.chat(masterKey, fields), { ...invalid, param });

  expect(message).toContain(param);
  expect(gateway.upstream.calls).toHaveLength(length);
});

test.each(["any/\0", "any/a\nb", "any/\u007f", "any/\ud800", "any/\udc00x"])(
  "a model name that no row could hold is refused up front: %j",
  async (model) => {
    await expectError(
      await post(JSON.stringify({ model, messages: [{ role: "user", content: "Hi" }] })),
      { ...invalid, param: "model" },
    );
  },
);

test.each(["any/ünï", "any/😀", "any/a b", "any/'; drop table spend_log; --", "any/\\u0000"])(
  "a strange model name reaches its row: %j",
  async (model) => {
    expect((await gateway.chat(masterKey, { model })).status).toBe(200);

    expect((await gateway.spendLogs("limit=1"))[0]).toMatchObject({ model, spend: 0.002 });
  },
);

test.each([
  "/openai/deployments/%00/chat/completions",
  "/openai/deployments/any%2F%00/chat/completions",
  "/openai/deployments/%zz/chat/completions",
  "/openai/deployments/%25zz/chat/completions",
  "/v1/engines/%ff/chat/completions",
])(
  "a path with a model that no row could hold, or that is no text, is refused: %s",
  async (path) => {
    const response = await gateway.request("POST", path, { body: validBody });

    expect([400, 404]).toContain(response.status);
    expect(await response.json()).toMatchObject({ error: { type: "invalid_request_error" } });
  },
);

test.each(["/v1/models/%00", "/v1/models/%25zz", "/v1/models/%ff", "/v1/models/any%2F%ed%a0%80"])(
  "a look-up of a model by an odd name is refused: %s",
  async (path) => {
    const response = await gateway.request("GET", path);

    expect([400, 404]).toContain(response.status);
    expect(await response.json()).toMatchObject({ error: { type: "invalid_request_error" } });
  },
);

test("an odd x-request-id never keeps a row from being written", async () => {
  for (const id of ["\u00e9\u00ff", "a\tb", "'; --", "%00", "\\u0000"]) {
    const response = await gateway.request("POST", "/v1/chat/completions", {
      body: validBody,
      headers: { "x-request-id": id },
    });
    expect(response.status).toBe(200);
    const [row] = await gateway.spendLogs("limit=1");
    expect(row?.["request_id"]).toBe(response.headers.get("x-request-id"));
  }
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

function bodyOf(bytes: number): string {
  const frame = JSON.stringify({ model: "gpt", messages: [{ role: "user", content: "" }] });
  return JSON.stringify({
    model: "gpt",
    messages: [{ role: "user", content: "x".repeat(bytes - frame.length) }],
  });
}

/** A POST in chunks, without content-length. What the client cannot send any more because it was answered is no error. */
async function postInChunks(body: string): Promise<Response> {
  const headers = { authorization: `Bearer ${masterKey}`, "transfer-encoding": "chunked" };
  const sending = httpRequest(`${gateway.url}/v1/chat/completions`, { method: "POST", headers });
  sending.on("error", () => undefined);
  const answered = once(sending, "response");
  for (let at = 0; at < body.length && !sending.destroyed; at += megabyte)
    sending.write(body.slice(at, at + megabyte));
  sending.end();
  const [response] = await answered;
  let text = "";
  for await (const part of response) text += String(part);
  return new Response(text, { status: response.statusCode, headers: response.headers });
}

test("a body of 10 MB is taken, whole and in chunks", async () => {
  const body = bodyOf(10 * megabyte);

  expect((await post(body)).status).toBe(200);
  expect(gateway.upstream.calls.at(-1)?.text).toHaveLength(
    body.length + "gpt-real".length - "gpt".length,
  );
  expect((await postInChunks(body)).status).toBe(200);
});

test("a body above max_request_size_mb is refused with 413, whether its length is told or not", async () => {
  const tooLarge = { status: 413, type: "invalid_request_error", code: "request_too_large" };
  const { length } = gateway.upstream.calls;

  for (const megabytes of [maxBodyMb + 0.001, 40]) {
    expect(
      await expectError(await post(bodyOf(Math.ceil(megabytes * megabyte))), tooLarge),
    ).toContain(`${maxBodyMb} MB`);
    await expectError(await postInChunks(bodyOf(Math.ceil(megabytes * megabyte))), tooLarge);
  }

  expect(gateway.upstream.calls).toHaveLength(length);
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

test("a route that does not exist is 404, and another method 405 with those that there are", async () => {
  for (const path of ["/v1/nothing", "/nothing", "/v1/chat", "/v1/chat/completions/x"])
    await expectError(await gateway.request("POST", path, { body: validBody }), {
      status: 404,
      type: "invalid_request_error",
    });

  for (const [method, path, allow] of [
    ["GET", "/v1/chat/completions", "POST"],
    ["DELETE", "/chat/completions", "POST"],
    ["POST", "/v1/models", "GET"],
    ["PUT", "/openai/deployments/gpt/embeddings", "POST"],
  ] as const) {
    const response = await gateway.request(method, path);
    await expectError(response, { status: 405, type: "invalid_request_error" });
    expect(response.headers.get("allow")).toContain(allow);
  }
});
