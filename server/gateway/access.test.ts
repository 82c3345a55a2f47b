import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { expectError, masterKey, startGateway, type TestGateway } from "../testing/gateway.ts";

let gateway: TestGateway;

beforeAll(async () => {
  gateway = await startGateway();
});

afterEach(async () => {
  const response = await gateway.chat(masterKey);
  expect(response.status, "the gateway serves on").toBe(200);
  await response.text();
});

afterAll(() => gateway[Symbol.asyncDispose]());

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
  const key = await gateway.generateKey({ models: ["other"], key_alias: "narrow" });
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
