import { request } from "node:http";
import { expect, test } from "vitest";
import { masterKey, simpleConfig, startGateway, type TestGateway } from "../testing/gateway.ts";
import { bodyOf, refusalOf } from "../testing/reply.ts";

const keyHeaders = ["x-litellm-api-key", "authorization", "api-key", "x-api-key", "x-goog-api-key"];

function models(gateway: TestGateway, headers: Record<string, string>) {
  return gateway.request("GET", "/v1/models", { key: null, headers });
}

test.each(keyHeaders)("a key is read from the header %s", async (name) => {
  await using gateway = await startGateway();
  const key = await gateway.generateKey();

  expect((await models(gateway, { [name]: `Bearer ${key}` })).status).toBe(200);
  expect((await models(gateway, { [name]: key })).status).toBe(200);
  expect((await models(gateway, { [name]: masterKey })).status).toBe(200);
  expect((await models(gateway, { [name]: `${key}x` })).status).toBe(401);
});

test.each(["Bearer", "bearer", "BEARER"])("the scheme may be written %s", async (scheme) => {
  await using gateway = await startGateway();
  const key = await gateway.generateKey();

  expect((await models(gateway, { authorization: `${scheme} ${key}` })).status).toBe(200);
  expect((await models(gateway, { authorization: `${scheme}   ${key} ` })).status).toBe(200);
});

test("of several headers the first in the order that is written down is believed, the others not looked at", async () => {
  await using gateway = await startGateway();
  const key = await gateway.generateKey();

  for (const [index, name] of keyHeaders.entries()) {
    const later = keyHeaders.slice(index + 1);
    const good = {
      [name]: key,
      ...Object.fromEntries(later.map((header) => [header, "sk-wrong"])),
    };
    expect((await models(gateway, good)).status, name).toBe(200);
    const bad = { [name]: "sk-wrong", ...Object.fromEntries(later.map((header) => [header, key])) };
    if (later.length > 0) expect((await models(gateway, bad)).status, name).toBe(401);
  }
});

test("a header without a key in it is as good as none", async () => {
  await using gateway = await startGateway();
  const key = await gateway.generateKey();

  for (const empty of ["", "Bearer", "Bearer ", " "])
    expect((await models(gateway, { authorization: empty, "x-api-key": key })).status, empty).toBe(
      200,
    );
});

test("no key and an unknown key are told apart, and neither is repeated", async () => {
  await using gateway = await startGateway();

  expect(await refusalOf(await models(gateway, {}))).toEqual({
    status: 401,
    message: "No API key was sent: expected a header Authorization: Bearer sk-…",
    type: "auth_error",
    param: null,
    code: "invalid_api_key",
  });
  for (const key of [
    "sk-never-issued-0123456789",
    "not-a-key",
    masterKey.slice(0, -1),
    `${masterKey}0`,
  ]) {
    const refusal = await refusalOf(await models(gateway, { authorization: `Bearer ${key}` }));
    expect(refusal).toMatchObject({ status: 401, type: "auth_error", code: "invalid_api_key" });
    expect(refusal["message"]).not.toContain(key);
  }
});

test("the hash of a key and its id are names, not keys", async () => {
  await using gateway = await startGateway();
  const key = await gateway.generateKey();
  const { info } = await bodyOf(await gateway.request("GET", "/key/info", { key }));
  const { token, key_id } = info as { token: string; key_id: string };

  for (const name of [token, key_id]) expect((await gateway.chat(name)).status).toBe(401);
});

/** A key that this replica has at hand: its last call was answered. */
async function warmKey(
  gateway: TestGateway,
  fields: Record<string, unknown> = {},
): Promise<string> {
  const key = await gateway.generateKey({ key_alias: "ci-bot", ...fields });
  const response = await gateway.chat(key);
  expect(response.status).toBe(200);
  await response.text();
  return key;
}

async function change(
  gateway: TestGateway,
  path: string,
  body: Record<string, unknown>,
): Promise<void> {
  expect((await gateway.request("POST", path, { body })).status).toBe(200);
}

test("truth 5: a blocked key is refused on its very next call, and taken again once unblocked", async () => {
  await using gateway = await startGateway();
  const key = await warmKey(gateway);

  await change(gateway, "/key/block", { key });
  expect(await refusalOf(await gateway.chat(key))).toEqual({
    status: 401,
    message: 'Cannot use key "ci-bot": it is blocked',
    type: "auth_error",
    param: null,
    code: "key_blocked",
  });

  await change(gateway, "/key/unblock", { key });
  expect((await gateway.chat(key)).status).toBe(200);
  expect(gateway.upstream.calls).toHaveLength(2);
});

test("truth 5: a deleted key is refused on its very next call", async () => {
  await using gateway = await startGateway();
  const key = await warmKey(gateway);

  await change(gateway, "/key/delete", { key_aliases: ["ci-bot"] });

  expect(await refusalOf(await gateway.chat(key))).toMatchObject({
    status: 401,
    code: "invalid_api_key",
  });
});

test("truth 5: a key that was cut down to other models is refused on its very next call", async () => {
  await using gateway = await startGateway();
  const key = await warmKey(gateway);

  await change(gateway, "/key/update", { key, models: ["no-default-models"] });

  expect(await refusalOf(await gateway.chat(key))).toMatchObject({
    status: 403,
    type: "key_model_access_denied",
    param: "model",
    code: "model_access_denied",
  });
});

test("a key whose time is over is refused, though it was at hand", async () => {
  await using gateway = await startGateway();
  const key = await warmKey(gateway, { duration: "1s" });

  await expect
    .poll(async () => (await gateway.chat(key)).status, { timeout: 5_000, interval: 100 })
    .toBe(401);

  const refusal = await refusalOf(await gateway.chat(key));
  expect(refusal).toMatchObject({ status: 401, type: "expired_key", code: "expired_key" });
  expect(refusal["message"]).toMatch(/^Cannot use key "ci-bot": it expired at \d{4}-/);
});

test("a key that was refused before it was made is taken on its first call", async () => {
  await using gateway = await startGateway();
  const key = "sk-chosen-before-it-was-made-0123";
  expect((await gateway.chat(key)).status).toBe(401);

  await gateway.generateKey({ key });

  expect((await gateway.chat(key)).status).toBe(200);
});

test("a key is held to its addresses, its routes and its kind", async () => {
  await using gateway = await startGateway();
  const elsewhere = await gateway.generateKey({ allowed_ips: ["10.0.0.0/8"] });
  const here = await gateway.generateKey({ allowed_ips: ["10.0.0.0/8", "127.0.0.0/8"] });
  const chatOnly = await gateway.generateKey({ allowed_routes: ["/v1/chat/completions"] });
  const readOnly = await gateway.generateKey({ key_type: "read_only" });
  const callsOnly = await gateway.generateKey({ key_type: "llm_api" });
  const info = (key: string) => gateway.request("GET", "/key/info", { key });

  expect(await refusalOf(await gateway.chat(elsewhere))).toMatchObject({
    status: 403,
    code: "ip_not_allowed",
  });
  expect(await refusalOf(await info(elsewhere))).toMatchObject({
    status: 403,
    code: "ip_not_allowed",
  });
  expect((await gateway.chat(here)).status).toBe(200);
  expect((await gateway.chat(chatOnly)).status).toBe(200);
  expect(await refusalOf(await info(chatOnly))).toMatchObject({
    status: 403,
    code: "route_not_allowed",
  });
  expect(await refusalOf(await gateway.chat(readOnly))).toMatchObject({
    status: 403,
    code: "route_not_allowed",
  });
  expect((await info(readOnly)).status).toBe(200);
  expect((await gateway.chat(callsOnly)).status).toBe(200);
  expect((await info(callsOnly)).status).toBe(403);
});

function openConfig(url: string): string {
  return simpleConfig(url).replace(/ {2}master_key: .*\n/, "");
}

test("without a master key every caller is the admin, known or not", async () => {
  await using gateway = await startGateway({ config: openConfig });

  for (const key of [null, "sk-anything", masterKey]) {
    const made = await gateway.request("POST", "/key/generate", { key, body: {} });
    expect(await bodyOf(made)).toMatchObject({ created_by: "master" });
  }
});

test("without a master key a known virtual key is still that key with its limits", async () => {
  await using gateway = await startGateway({ config: openConfig });
  const key = await gateway.generateKey({ models: ["other"], key_alias: "ci-bot" });

  expect(await refusalOf(await gateway.chat(key))).toMatchObject({
    status: 403,
    code: "model_access_denied",
  });
  expect((await gateway.request("POST", "/key/generate", { key, body: {} })).status).toBe(403);

  await change(gateway, "/key/block", { key });
  expect(await refusalOf(await gateway.chat(key))).toMatchObject({
    status: 401,
    code: "key_blocked",
  });
});

test("without a master key no page of another origin and no name that is not this machine is answered", async () => {
  await using gateway = await startGateway({ config: openConfig });
  const { port } = new URL(gateway.url);

  for (const origin of [
    "https://evil.example",
    "null",
    "http://127.0.0.1.evil.example",
    "http://127.evil.example",
  ]) {
    const refusal = await refusalOf(
      await gateway.request("POST", "/key/generate", { body: {}, headers: { origin } }),
    );
    expect(refusal, origin).toMatchObject({
      status: 403,
      type: "permission_error",
      code: "host_not_allowed",
    });
  }
  for (const host of [
    "evil.example",
    `evil.example:${port}`,
    "127.0.0.1.evil.example",
    "0.0.0.0",
    "[::2]",
  ])
    expect(await statusFor(gateway, host), host).toBe(403);
  for (const host of [`127.0.0.1:${port}`, `localhost:${port}`, "localhost", `[::1]:${port}`])
    expect(await statusFor(gateway, host), host).toBe(200);
  for (const [path, allowed] of [
    ["/v1/models", "*"],
    ["/key/list", null],
  ] as const) {
    const ownPage = await gateway.request("GET", path, {
      headers: { origin: `http://localhost:${port}` },
    });
    expect(ownPage.status).toBe(200);
    expect(ownPage.headers.get("access-control-allow-origin")).toBe(allowed);
  }
});

test("with a master key the names by which it is reached do not matter", async () => {
  await using gateway = await startGateway();

  const response = await gateway.request("GET", "/v1/models", {
    headers: { origin: "https://app.example" },
  });

  expect(response.status).toBe(200);
  expect(await statusFor(gateway, "gateway.example")).toBe(200);
});

/** GET /v1/models under a `Host` of one's choice, which fetch does not let one choose. */
async function statusFor(gateway: TestGateway, host: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const headers = { host, authorization: `Bearer ${masterKey}` };
    request(`${gateway.url}/v1/models`, { headers }, (response) => {
      response.resume();
      resolve(response.statusCode ?? 0);
    })
      .on("error", reject)
      .end();
  });
}
