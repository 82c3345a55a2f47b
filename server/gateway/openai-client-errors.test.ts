import OpenAI, {
  APIError,
  AuthenticationError,
  BadRequestError,
  NotFoundError,
  PermissionDeniedError,
  RateLimitError,
} from "openai";
import { expect, test } from "vitest";
import { sendJson } from "../testing/fake-upstream.ts";
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

/** What a promise was rejected with. */
async function errorOf(promise: Promise<unknown>): Promise<unknown> {
  try {
    await promise;
  } catch (error) {
    return error;
  }
  throw new Error("Expected a rejection");
}

test("what goes wrong is thrown as the client's own class of error", async () => {
  await using gateway = await startGateway();
  const limited = await gateway.generateKey({ models: ["other"] });
  const chat = (key?: string, fields: object = {}) =>
    errorOf(clientOf(gateway, key).chat.completions.create({ model: "gpt", messages, ...fields }));

  const unknown = await chat("sk-nobody-knows-this-key");
  expect(unknown).toBeInstanceOf(AuthenticationError);
  expect(unknown).toMatchObject({
    status: 401,
    code: "invalid_api_key",
    type: "auth_error",
    requestID: expect.stringMatching(/.+/),
  });

  const denied = await chat(limited);
  expect(denied).toBeInstanceOf(PermissionDeniedError);
  expect(denied).toMatchObject({ status: 403, code: "model_access_denied", param: "model" });

  const missing = await chat(masterKey, { model: "none-such" });
  expect(missing).toBeInstanceOf(NotFoundError);
  expect(missing).toMatchObject({ status: 404, code: "model_not_found", param: "model" });

  const bad = await chat(masterKey, { max_tokens: -1 });
  expect(bad).toBeInstanceOf(BadRequestError);
  expect(bad).toMatchObject({ status: 400, type: "invalid_request_error", param: "max_tokens" });
});

test.each([
  [429, 429, RateLimitError],
  [500, 502, APIError],
  [503, 502, APIError],
])(
  "an upstream that answers %i throws the error of status %i",
  async (upstreamStatus, status, expected) => {
    await using gateway = await startGateway();
    gateway.upstream.answer((_call, response) =>
      sendJson(response, { error: { message: "no" } }, upstreamStatus),
    );

    const error = await errorOf(
      clientOf(gateway).chat.completions.create({ model: "gpt", messages }),
    );

    expect(error).toBeInstanceOf(expected);
    expect(error).toMatchObject({ status, type: "upstream_error" });
  },
);

test("an upstream that does not answer throws 504, a model without credentials 503", async () => {
  await using gateway = await startGateway({
    config: (api_base) =>
      configText({
        model_list: [
          modelEntry({ model_name: "slow", api_base, timeout: 0.05 }),
          {
            model_name: "keyless",
            litellm_params: { model: "openai/gpt-4o", api_key: "os.environ/NOT_SET_ANYWHERE" },
          },
        ],
      }),
  });
  gateway.upstream.answer(() => undefined);
  const { completions } = clientOf(gateway).chat;

  const late = await errorOf(completions.create({ model: "slow", messages }));
  const keyless = await errorOf(completions.create({ model: "keyless", messages }));

  expect(late).toBeInstanceOf(APIError);
  expect(late).toMatchObject({ status: 504, code: "upstream_timeout" });
  expect(keyless).toBeInstanceOf(APIError);
  expect(keyless).toMatchObject({ status: 503, code: "model_unavailable" });
});

test("a stream that breaks off throws from the client's iteration", async () => {
  await using gateway = await startGateway();
  gateway.upstream.answer((_call, response) => {
    response.writeHead(200, { "content-type": "text/event-stream" });
    response.write(
      'data: {"model":"gpt-real","choices":[{"index":0,"delta":{"content":"Hel"}}]}\n\n',
      () => response.destroy(),
    );
  });

  const stream = await clientOf(gateway).chat.completions.create({
    model: "gpt",
    messages,
    stream: true,
  });

  expect(await errorOf(listOf(stream))).toBeInstanceOf(APIError);
});
