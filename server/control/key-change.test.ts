import { expect, test } from "vitest";
import type { KeyDetails } from "../../shared/keys.ts";
import { hashSecret } from "../secrets.ts";
import { startGateway, type TestGateway } from "../testing/gateway.ts";
import { bodyOf, refusalOf } from "../testing/reply.ts";

async function post(gateway: TestGateway, path: string, body: unknown) {
  const response = await gateway.request("POST", path, { body });
  const reply = await bodyOf(response);
  expect(response.status, JSON.stringify(reply)).toBe(200);
  return reply;
}

async function refuse(gateway: TestGateway, path: string, body: unknown) {
  return refusalOf(await gateway.request("POST", path, { body }));
}

const everything = {
  key_alias: "ci-bot",
  models: ["gpt"],
  aliases: { fast: "gpt" },
  metadata: { a: 1 },
  tags: ["ci"],
  user_id: "user-1",
  allowed_routes: ["/chat/completions"],
  key_type: "llm_api",
  allowed_ips: ["10.0.0.0/8"],
  blocked: true,
};

test("an update changes the fields it names, keeps the others, and tells the whole key", async () => {
  await using gateway = await startGateway();
  const key = await gateway.generateKey({ ...everything, duration: "1h" });
  const { info } = await bodyOf(await gateway.request("GET", `/key/info?key=${hashSecret(key)}`));
  const { budget_windows: _windows, budget_reset_at: _reset, ...before } = info as KeyDetails;

  const after = await post(gateway, "/key/update", { key, models: ["gpt", "other"], tags: [] });

  expect(after).toEqual({
    ...before,
    models: ["gpt", "other"],
    tags: [],
    updated_at: after["updated_at"],
  });
  expect(Date.parse(String(after["updated_at"]))).toBeGreaterThan(
    Date.parse(String(after["created_at"])),
  );
});

test("null clears each field", async () => {
  await using gateway = await startGateway();
  const key = await gateway.generateKey(everything);
  const nulls = Object.fromEntries(Object.keys(everything).map((field) => [field, null]));

  const cleared = await post(gateway, "/key/update", {
    key,
    ...nulls,
    max_budget: null,
    config: null,
  });

  expect(cleared).toMatchObject({
    key_alias: null,
    models: [],
    aliases: {},
    metadata: {},
    tags: [],
    user_id: null,
    allowed_routes: [],
    key_type: "default",
    allowed_ips: [],
    blocked: false,
  });
  expect(cleared["expires"]).not.toBeNull();
});

test("a duration starts anew, never ends the end, and null is asked what it means", async () => {
  await using gateway = await startGateway();
  const key = await gateway.generateKey({ duration: "30s" });

  const longer = await post(gateway, "/key/update", { key, duration: "30d" });
  expect(Date.parse(String(longer["expires"])) - Date.now()).toBeGreaterThan(29 * 86_400_000);
  expect(await refuse(gateway, "/key/update", { key, duration: null })).toEqual({
    status: 400,
    message: 'duration: null is ambiguous here: send "never" for a key that does not expire',
    type: "invalid_request_error",
    param: "duration",
    code: null,
  });
  expect(await post(gateway, "/key/update", { key, duration: "never" })).toMatchObject({
    expires: null,
  });
});

test("an update without fields changes nothing", async () => {
  await using gateway = await startGateway();
  const key = await gateway.generateKey(everything);

  expect(await post(gateway, "/key/update", { key })).toMatchObject(everything);
});

test("an update may not take another key's alias, but may repeat its own", async () => {
  await using gateway = await startGateway();
  await gateway.generateKey({ key_alias: "taken" });
  const key = await gateway.generateKey({ key_alias: "own" });

  expect(await refuse(gateway, "/key/update", { key, key_alias: "taken" })).toMatchObject({
    status: 400,
    param: "key_alias",
    code: "key_alias_taken",
  });
  await post(gateway, "/key/update", { key, key_alias: "own" });
});

const faulty = [
  ["/key/update", { team_id: "t" }, "team_id"],
  ["/key/update", { max_budget: -1 }, "max_budget"],
  ["/key/update", { rpm_limit: 0.5 }, "rpm_limit"],
  ["/key/update", { modles: [] }, "modles"],
  ["/key/update", { models: "gpt" }, "models"],
  ["/key/update", { duration: "1 fortnight" }, "duration"],
  ["/key/update", { key: 1 }, "key"],
  ["/key/update", { key: undefined }, "key"],
  ["/key/update", { key: "" }, "key"],
  ["/key/block", { key: undefined }, "key"],
  ["/key/block", { reason: "x" }, "reason"],
  ["/key/unblock", { key: null }, "key"],
  ["/key/delete", { key: undefined }, "keys"],
  ["/key/delete", { key: undefined, keys: [] }, "keys"],
  ["/key/delete", { key: undefined, keys: ["\u0000"] }, "keys.0"],
  ["/key/delete", { key: undefined, key_aliases: ["\u0000"] }, "key_aliases.0"],
  ["/key/delete", { key: undefined, keys: ["a"], key_aliases: ["b"] }, "keys"],
] as const;

test("a field that is unknown, unsupported or of the wrong type is refused by its name", async () => {
  await using gateway = await startGateway();
  const key = await gateway.generateKey();

  for (const [path, fields, param] of faulty) {
    const refusal = await refuse(gateway, path, { key, ...fields });
    expect(refusal, path).toMatchObject({ status: 400, type: "invalid_request_error", param });
    expect(refusal["message"]).not.toContain(key);
  }
});

test("a key that is not there is told as such by every route", async () => {
  await using gateway = await startGateway();
  const key = "sk-never-issued-0123456789";
  const calls = [
    ["POST", "/key/update", { key, models: [] }],
    ["PATCH", "/key/aliases", { key, aliases: {} }],
    ["POST", "/key/block", { key }],
    ["POST", "/key/unblock", { key }],
    ["POST", "/key/delete", { keys: [key] }],
    ["POST", "/key/delete", { key_aliases: ["none"] }],
  ] as const;

  for (const [method, path, body] of calls) {
    const refusal = await refusalOf(await gateway.request(method, path, { body }));
    expect(refusal, path).toMatchObject({
      status: 404,
      type: "not_found_error",
      code: "key_not_found",
    });
    expect(refusal["message"]).not.toContain(key);
  }
});

const twoGroups = (url: string) => `
model_list:
  - { model_name: free, litellm_params: { model: openai/small, api_base: "${url}/v1", api_key: k } }
  - { model_name: paid, litellm_params: { model: openai/large, api_base: "${url}/v1", api_key: k } }
general_settings: { master_key: sk-master-key-of-the-tests }
`;

test("changing the aliases of a key sends its next call to another group", async () => {
  await using gateway = await startGateway({ config: twoGroups });
  const key = await gateway.generateKey({
    models: ["free", "paid"],
    aliases: { "gpt-3.5-turbo": "free", other: "free" },
  });
  const call = async () => {
    const response = await gateway.chat(key, { model: "gpt-3.5-turbo" });
    expect(await bodyOf(response)).toMatchObject({ model: "gpt-3.5-turbo" });
    return gateway.upstream.calls.at(-1)?.body["model"];
  };
  expect(await call()).toBe("small");

  const response = await gateway.request("PATCH", "/key/aliases", {
    body: { key: hashSecret(key), aliases: { "gpt-3.5-turbo": "paid" } },
  });

  expect(await bodyOf(response)).toMatchObject({
    aliases: { "gpt-3.5-turbo": "paid" },
    models: ["free", "paid"],
  });
  expect(await call()).toBe("large");
});

test("aliases are replaced as a whole, and not by null", async () => {
  await using gateway = await startGateway();
  const key = await gateway.generateKey({ aliases: { a: "gpt" } });
  const patch = (aliases: unknown) =>
    gateway.request("PATCH", "/key/aliases", { body: { key, aliases } });

  expect(await refusalOf(await patch(null))).toMatchObject({ status: 400, param: "aliases" });
  expect(await refusalOf(await patch({ a: 1 }))).toMatchObject({ status: 400, param: "aliases.a" });
  expect(await bodyOf(await patch({}))).toMatchObject({ aliases: {} });
});

test("keys are deleted by secret, hash, id or alias, and told as they were sent", async () => {
  await using gateway = await startGateway();
  const secrets = [];
  for (const key_alias of ["a", "b", "c", "d"])
    secrets.push(await gateway.generateKey({ key_alias }));
  const [a = "", b = "", c = ""] = secrets;
  const { info } = await bodyOf(await gateway.request("GET", `/key/info?key=${c}`));
  const keys = [a, hashSecret(b), (info as { key_id: string }).key_id];

  expect(
    await post(gateway, "/key/delete", { keys: [...keys, "sk-never-issued-0123456789"] }),
  ).toEqual({ deleted_keys: keys });
  expect(await post(gateway, "/key/delete", { key_aliases: ["d", "none"] })).toEqual({
    deleted_keys: ["d"],
  });
  expect(await bodyOf(await gateway.request("GET", "/key/list"))).toMatchObject({ total_count: 0 });
  for (const key of secrets) expect((await gateway.chat(key)).status).toBe(401);
  expect(await refuse(gateway, "/key/delete", { keys })).toMatchObject({
    status: 404,
    param: "keys",
    code: "key_not_found",
  });
  expect(await refuse(gateway, "/key/delete", { key_aliases: ["d"] })).toMatchObject({
    status: 404,
    param: "key_aliases",
    code: "key_not_found",
  });
});

test("a deleted key's alias and secret are free again, and its spend does not come back", async () => {
  await using gateway = await startGateway();
  const key = await gateway.generateKey({ key_alias: "ci-bot" });
  await (await gateway.chat(key)).text();
  expect(await gateway.spendOf(key)).toBe(0.002);
  await post(gateway, "/key/delete", { keys: [key] });
  expect((await gateway.chat(key)).status).toBe(401);

  await gateway.generateKey({ key, key_alias: "ci-bot" });

  expect((await gateway.chat(key)).status).toBe(200);
  expect(await gateway.spendOf(key)).toBe(0.002);
});

test("block and unblock answer with the key", async () => {
  await using gateway = await startGateway();
  const key = await gateway.generateKey();

  expect(await post(gateway, "/key/block", { key })).toMatchObject({
    blocked: true,
    token: hashSecret(key),
  });
  expect(await post(gateway, "/key/block", { key })).toMatchObject({ blocked: true });
  expect(await post(gateway, "/key/unblock", { key })).toMatchObject({ blocked: false });
});

test("no virtual key may change one, not even itself", async () => {
  await using gateway = await startGateway();
  const key = await gateway.generateKey({ models: ["gpt"] });

  for (const path of ["/key/update", "/key/block", "/key/unblock", "/key/delete"])
    expect(
      await refusalOf(await gateway.request("POST", path, { key, body: { key, models: [] } })),
      path,
    ).toMatchObject({
      status: 403,
      code: "route_not_allowed",
    });
  const patched = await gateway.request("PATCH", "/key/aliases", {
    key,
    body: { key, aliases: {} },
  });
  expect(patched.status).toBe(403);
});
