import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { answerLikeOpenAi, sendJson, startUpstream } from "../testing/fake-upstream.ts";
import {
  configText,
  expectError,
  masterKey,
  modelEntry,
  startGateway,
  type TestGateway,
} from "../testing/gateway.ts";

let gateway: TestGateway;

beforeAll(async () => {
  const gone = await startUpstream();
  await gone.close();
  gateway = await startGateway({
    config: (api_base) =>
      configText({
        model_list: [
          modelEntry({ model_name: "gpt", api_base }),
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
