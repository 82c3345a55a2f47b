import { expect, test } from "vitest";
import { spendLogsReply } from "../../shared/spend.ts";
import { hashSecret } from "../secrets.ts";
import { sendJson } from "../testing/fake-upstream.ts";
import { masterKey, simpleConfig, startGateway, type TestGateway } from "../testing/gateway.ts";
import { bodyOf, refusalOf } from "../testing/reply.ts";

async function call(
  gateway: TestGateway,
  key: string,
  fields: Record<string, unknown> = {},
  headers: Record<string, string> = {},
) {
  const body = { model: "gpt", messages: [{ role: "user", content: "Hi" }], ...fields };
  const response = await gateway.request("POST", "/v1/chat/completions", { key, body, headers });
  await response.text();
  return response;
}

async function keyIdOf(gateway: TestGateway, key: string): Promise<string> {
  const { info } = await bodyOf(await gateway.request("GET", "/key/info", { key }));
  return (info as { key_id: string }).key_id;
}

test("a row says who called what, when, and what it cost", async () => {
  await using gateway = await startGateway();
  const key = await gateway.generateKey({
    user_id: "user-1",
    tags: ["ci"],
    aliases: { fast: "gpt" },
  });
  const startedAtMs = Date.now();
  await call(gateway, key, { model: "fast" }, { "x-request-id": "request-1" });

  const [row, ...others] = await gateway.spendLogs();

  expect(others).toEqual([]);
  expect(row).toEqual({
    id: expect.stringMatching(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}$/),
    request_id: "request-1",
    api_key: await keyIdOf(gateway, key),
    user_id: "user-1",
    tags: ["ci"],
    model: "fast",
    model_group: "gpt",
    deployment: expect.any(String),
    upstream_model: "gpt-real",
    spend: 0.002,
    price_source: expect.any(String),
    usage: {
      input: 1000,
      cache_read: 0,
      cache_write: 0,
      cache_write_1h: 0,
      input_audio: 0,
      output: 500,
      reasoning: 0,
      output_audio: 0,
    },
    status: "success",
    error_code: null,
    estimated: false,
    streamed: false,
    started_at: expect.any(String),
    ended_at: expect.any(String),
  });
  expect(Date.parse(String(row?.["started_at"]))).toBeGreaterThanOrEqual(startedAtMs);
  expect(Date.parse(String(row?.["ended_at"]))).toBeLessThanOrEqual(Date.now());
});

test("rows are found by request, by key in each of its names, and by user", async () => {
  await using gateway = await startGateway();
  const [one, two] = [
    await gateway.generateKey({ user_id: "u1" }),
    await gateway.generateKey({ user_id: "u2" }),
  ];
  await call(gateway, one, {}, { "x-request-id": "a" });
  await call(gateway, two, {}, { "x-request-id": "b" });
  await call(gateway, masterKey, {}, { "x-request-id": "c" });
  const requestsOf = async (query: string) =>
    (await gateway.spendLogs(query)).map((row) => row["request_id"]);

  expect(await requestsOf("")).toEqual(["c", "b", "a"]);
  expect(await requestsOf("request_id=b")).toEqual(["b"]);
  for (const name of [one, hashSecret(one), await keyIdOf(gateway, one)])
    expect(await requestsOf(`api_key=${name}`)).toEqual(["a"]);
  expect(await requestsOf("api_key=master")).toEqual(["c"]);
  expect(await requestsOf("api_key=sk-unknown-0123456789")).toEqual([]);
  expect(await requestsOf("user_id=u2")).toEqual(["b"]);
  expect(await requestsOf("user_id=u2&request_id=a")).toEqual([]);
});

test("the rows of a deleted key are still found by its id", async () => {
  await using gateway = await startGateway();
  const key = await gateway.generateKey();
  const id = await keyIdOf(gateway, key);
  await call(gateway, key);
  await gateway.spendLogs();

  await gateway.request("POST", "/key/delete", { body: { keys: [key] } });

  expect(await gateway.spendLogs(`api_key=${id}`)).toMatchObject([{ api_key: id, spend: 0.002 }]);
});

test("failed attempts are rows too, free of charge, and told apart by status", async () => {
  await using gateway = await startGateway();
  const key = await gateway.generateKey();
  await call(gateway, key);
  gateway.upstream.answer((_call, response) =>
    sendJson(response, { error: { message: "no" } }, 500),
  );
  expect((await call(gateway, key)).status).toBe(502);

  expect(await gateway.spendLogs("status=success")).toMatchObject([
    { status: "success", spend: 0.002 },
  ]);
  expect(await gateway.spendLogs("status=failure")).toMatchObject([
    { status: "failure", spend: 0, usage: null, error_code: expect.any(String) },
  ]);
  expect(await gateway.spendLogs("status=aborted")).toEqual([]);
  expect(await gateway.spendOf(key)).toBe(0.002);
});

test("rows are found by date: a day includes its end, a moment does not include itself", async () => {
  await using gateway = await startGateway();
  await call(gateway, masterKey);
  const [row] = await gateway.spendLogs();
  const startedAt = new Date(String(row?.["started_at"]));
  const day = startedAt.toISOString().slice(0, 10);
  const shifted = (ms: number) => new Date(startedAt.getTime() + ms).toISOString();
  const dayMs = 86_400_000;
  const count = async (query: string) => (await gateway.spendLogs(query)).length;

  expect(await count(`start_date=${day}&end_date=${day}`)).toBe(1);
  expect(await count(`end_date=${shifted(-dayMs).slice(0, 10)}`)).toBe(0);
  expect(await count(`start_date=${shifted(dayMs).slice(0, 10)}`)).toBe(0);
  expect(await count(`start_date=${shifted(-60_000)}&end_date=${shifted(60_000)}`)).toBe(1);
  expect(await count(`start_date=${shifted(60_000)}`)).toBe(0);
  expect(await count(`end_date=${shifted(-60_000)}`)).toBe(0);
  // An hour east of UTC, as clients with a time zone write it.
  expect(
    await count(`start_date=${encodeURIComponent(shifted(3_540_000).replace("Z", "+01:00"))}`),
  ).toBe(1);
  for (const old of ["1969-12-31", "0001-01-01", "1900-01-01T00:00:00Z"]) {
    expect(await count(`start_date=${old}`), old).toBe(1);
    expect(await count(`end_date=${old}`), old).toBe(0);
  }
  expect(await count("start_date=9999-12-31")).toBe(0);
  expect(await count("end_date=9999-12-31")).toBe(1);
});

test("pages follow each other by cursor, without gap or repetition, while rows come in", async () => {
  await using gateway = await startGateway();
  for (let made = 0; made < 5; made += 1)
    await call(gateway, masterKey, {}, { "x-request-id": `r${made}` });
  await gateway.spendLogs();
  const seen: unknown[] = [];
  let cursor = "";
  for (let page = 0; page < 3; page += 1) {
    const reply = spendLogsReply
      .extend({ data: spendLogsReply.shape.data.element.pick({ request_id: true }).array() })
      .parse(
        await bodyOf(
          await gateway.request("GET", `/spend/logs?limit=2${cursor && `&cursor=${cursor}`}`),
        ),
      );
    seen.push(...reply.data.map(({ request_id }) => request_id));
    cursor = reply.next_cursor ?? "";
    await call(gateway, masterKey, {}, { "x-request-id": "later" });
    await gateway.spendLogs();
  }

  expect(seen).toEqual(["r4", "r3", "r2", "r1", "r0"]);
  expect(cursor).toBe("");
});

test("a page that ends with the last row has no next", async () => {
  await using gateway = await startGateway();
  await call(gateway, masterKey);
  await call(gateway, masterKey);
  await gateway.spendLogs();

  expect(await bodyOf(await gateway.request("GET", "/spend/logs?limit=2"))).toMatchObject({
    next_cursor: null,
  });
});

test("a virtual key sees its own rows and is refused another's", async () => {
  await using gateway = await startGateway();
  const [own, other] = [
    await gateway.generateKey({ key_alias: "own" }),
    await gateway.generateKey(),
  ];
  await call(gateway, own);
  await call(gateway, other);
  await gateway.spendLogs();
  const logs = (query: string) => gateway.request("GET", `/spend/logs?${query}`, { key: own });
  const id = await keyIdOf(gateway, own);

  for (const query of ["", `api_key=${own}`, `api_key=${hashSecret(own)}`, `api_key=${id}`])
    expect(await bodyOf(await logs(query))).toMatchObject({
      data: [{ api_key: id }],
      next_cursor: null,
    });
  for (const name of [other, await keyIdOf(gateway, other), "master", "sk-unknown-0123456789"])
    expect(await refusalOf(await logs(`api_key=${name}`))).toMatchObject({
      status: 403,
      type: "permission_error",
      param: "api_key",
      code: "route_not_allowed",
    });
});

test("what logs cannot be asked is refused by its name", async () => {
  await using gateway = await startGateway();
  const faulty = [
    "status=lost",
    "limit=0",
    "limit=1001",
    "limit=many",
    "cursor=1",
    "start_date=yesterday",
    "start_date=2026-02-30",
    "end_date=2026-13-01",
    "request_id=%00",
    "api_key=%00",
    "user_id=%00",
    "team_id=t",
  ];

  for (const query of faulty) {
    const refusal = await refusalOf(await gateway.request("GET", `/spend/logs?${query}`));
    expect(refusal, query).toMatchObject({ status: 400, param: query.split("=")[0] });
  }
});

const withoutPrices = (url: string) =>
  simpleConfig(url).replace(/ {6}(input|output)_cost_per_token.*\n/g, "");

test("a call whose price is not known is a row without spend, and costs its key nothing", async () => {
  await using gateway = await startGateway({ config: withoutPrices });
  const key = await gateway.generateKey();
  await call(gateway, key);

  const [row] = await gateway.spendLogs();
  expect(row).toMatchObject({
    spend: null,
    price_source: null,
    status: "success",
    usage: { input: 1000, output: 500 },
  });
  expect(await gateway.spendOf(key)).toBe(0);
});
