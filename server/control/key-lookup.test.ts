import { expect, test } from "vitest";
import { hashSecret } from "../secrets.ts";
import { masterKey, startGateway, type TestGateway } from "../testing/gateway.ts";
import { bodyOf, refusalOf } from "../testing/reply.ts";

async function infoOf(gateway: TestGateway, asked: string, key = masterKey) {
  const response = await gateway.request("GET", `/key/info?key=${encodeURIComponent(asked)}`, {
    key,
  });
  expect(response.status).toBe(200);
  return bodyOf(response);
}

async function list(gateway: TestGateway, query: string) {
  const response = await gateway.request("GET", `/key/list?${query}`);
  expect(response.status, query).toBe(200);
  return bodyOf(response);
}

test("a key is found by its secret, its hash and its id, and shown as it was asked for", async () => {
  await using gateway = await startGateway();
  const fields = { models: ["gpt"], aliases: { fast: "gpt" }, key_alias: "ci-bot" };
  const secret = await gateway.generateKey(fields);
  const { info } = await infoOf(gateway, secret);
  const { key_id } = info as { key_id: string };

  for (const asked of [secret, hashSecret(secret), key_id])
    expect(await infoOf(gateway, asked)).toMatchObject({
      key: asked,
      info: {
        ...fields,
        key_id,
        token: asked,
        spend: 0,
        config: {},
        key_name: `sk-...${secret.slice(-4)}`,
      },
    });
});

test("a key that asks for none is shown itself, without its secret", async () => {
  await using gateway = await startGateway();
  const secret = await gateway.generateKey();

  const response = await gateway.request("GET", "/key/info", { key: secret });

  const text = await response.text();
  expect(JSON.parse(text)).toMatchObject({
    key: hashSecret(secret),
    info: { token: hashSecret(secret) },
  });
  expect(text).not.toContain(secret);
});

test("the spend of a key is there as soon as it is written down", async () => {
  await using gateway = await startGateway();
  const secret = await gateway.generateKey();
  await (await gateway.chat(secret)).text();

  expect(await gateway.spendOf(secret)).toBe(0.002);
});

test("a key may look at itself and at no other, and is not told whether there is one", async () => {
  await using gateway = await startGateway();
  const own = await gateway.generateKey({ key_alias: "own" });
  const other = await gateway.generateKey();

  expect(await infoOf(gateway, own, own)).toMatchObject({ key: own });
  const refusals = [];
  for (const asked of [other, hashSecret(other), "sk-does-not-exist-at-all", masterKey]) {
    const response = await gateway.request("GET", `/key/info?key=${asked}`, { key: own });
    refusals.push(await refusalOf(response));
  }
  expect(refusals[0]).toEqual({
    status: 403,
    message: 'Cannot show that key: key "own" may look only at itself',
    type: "permission_error",
    param: null,
    code: "route_not_allowed",
  });
  for (const refusal of refusals) expect(refusal).toEqual(refusals[0]);
});

test("a key that is not there is a 404 that does not repeat a secret", async () => {
  await using gateway = await startGateway();
  const unknown = "sk-never-issued-0123456789";

  const refusal = await refusalOf(await gateway.request("GET", `/key/info?key=${unknown}`));

  expect(refusal).toMatchObject({
    status: 404,
    type: "not_found_error",
    code: "key_not_found",
    param: "key",
  });
  expect(refusal["message"]).not.toContain("never-issued");
});

test("a secret too short to be shown in part is not shown at all", async () => {
  await using gateway = await startGateway();

  const refusal = await refusalOf(await gateway.request("GET", "/key/info?key=sk-1234"));

  expect(refusal["message"]).not.toContain("1234");
});

test("what cannot name a key is refused by the name of its field", async () => {
  await using gateway = await startGateway();
  const queries = [
    "key=",
    "key=%00",
    "key=key_%00",
    "key=a&key=b",
    "kee=x",
    "constructor=1",
    "__proto__=1",
  ];

  for (const query of [...queries, `key=${"x".repeat(301)}`]) {
    const refusal = await refusalOf(await gateway.request("GET", `/key/info?${query}`));
    expect(refusal, query).toMatchObject({ status: 400, param: query.split("=")[0] });
  }
});

test("the master key, which is no virtual key, is told to name one", async () => {
  await using gateway = await startGateway();

  expect(await refusalOf(await gateway.request("GET", "/key/info"))).toMatchObject({
    status: 400,
    param: "key",
  });
});

test("keys are listed newest first, ten to a page, as hashes", async () => {
  await using gateway = await startGateway();
  const secrets = [];
  for (let made = 0; made < 12; made += 1) secrets.push(await gateway.generateKey());
  const hashes = secrets.map(hashSecret).toReversed();

  expect(await list(gateway, "")).toEqual({
    keys: hashes.slice(0, 10),
    total_count: 12,
    current_page: 1,
    total_pages: 2,
  });
  expect(await list(gateway, "page=2")).toMatchObject({ keys: hashes.slice(10), current_page: 2 });
  expect(await list(gateway, "page=3")).toMatchObject({ keys: [], total_count: 12 });
  expect(await list(gateway, "page=3&size=5")).toMatchObject({
    keys: hashes.slice(10),
    total_pages: 3,
  });
  expect(await list(gateway, "sort_order=asc&size=1")).toMatchObject({ keys: hashes.slice(-1) });
});

test("keys are listed by user or alias, sorted, and whole where that is asked for", async () => {
  await using gateway = await startGateway();
  const [b, a] = [
    await gateway.generateKey({ key_alias: "b", user_id: "u1", duration: "1h" }),
    await gateway.generateKey({ key_alias: "a", user_id: "u1", duration: "never" }),
  ];
  const other = await gateway.generateKey({ user_id: "u2", duration: "2h" });
  await (await gateway.chat(b)).text();
  await gateway.spendOf(b);
  const hashesOf = async (query: string) => (await list(gateway, query))["keys"];

  expect(await hashesOf("user_id=u1&sort_by=key_alias&sort_order=asc")).toEqual(
    [a, b].map(hashSecret),
  );
  expect(await hashesOf("key_alias=a")).toEqual([hashSecret(a)]);
  expect(await hashesOf("key_alias=none")).toEqual([]);
  expect(await hashesOf("sort_by=spend")).toMatchObject([
    hashSecret(b),
    expect.anything(),
    expect.anything(),
  ]);
  // A key without an end comes last, whichever way ends are sorted.
  expect(await hashesOf("sort_by=expires&sort_order=asc")).toEqual([b, other, a].map(hashSecret));
  expect(await hashesOf("sort_by=expires&sort_order=desc")).toEqual([other, b, a].map(hashSecret));
  const whole = await list(gateway, "key_alias=b&return_full_object=true");
  expect(whole["keys"]).toMatchObject([
    { key_alias: "b", token: hashSecret(b), spend: 0.002, user_id: "u1" },
  ]);
  expect(JSON.stringify(whole)).not.toContain(b);
});

test("an empty list has no pages", async () => {
  await using gateway = await startGateway();

  expect(await list(gateway, "")).toEqual({
    keys: [],
    total_count: 0,
    current_page: 1,
    total_pages: 0,
  });
});

test("what a list cannot be asked is refused by its name", async () => {
  await using gateway = await startGateway();
  const faulty = [
    "page=0",
    "page=-1",
    "page=1.5",
    "page=one",
    "page=",
    "page=1&page=2",
    "size=0",
    "size=101",
    "sort_by=hash",
    "sort_order=up",
    "return_full_object=perhaps",
    "user_id=%00",
    "key_alias=%00",
    "team_id=t",
    "constructor=1",
  ];

  for (const query of faulty) {
    const refusal = await refusalOf(await gateway.request("GET", `/key/list?${query}`));
    expect(refusal, query).toMatchObject({ status: 400, param: query.split("=")[0] });
  }
});

test("no virtual key may list keys", async () => {
  await using gateway = await startGateway();
  const key = await gateway.generateKey();

  expect(await refusalOf(await gateway.request("GET", "/key/list", { key }))).toMatchObject({
    status: 403,
    type: "permission_error",
    code: "route_not_allowed",
  });
});

test("a wrong method is a 405 that names the right one, an unknown route a 404", async () => {
  await using gateway = await startGateway();

  const wrong = await gateway.request("GET", "/key/generate");
  expect(wrong.headers.get("allow")).toBe("POST");
  expect(await refusalOf(wrong)).toMatchObject({
    status: 405,
    type: "invalid_request_error",
    code: null,
  });
  expect(await refusalOf(await gateway.request("GET", "/key/none"))).toMatchObject({
    status: 404,
    code: null,
  });
});
