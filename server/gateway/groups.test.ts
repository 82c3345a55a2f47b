import { expect, test } from "vitest";
import {
  type AnswerUpstream,
  type FakeUpstream,
  sendJson,
  startUpstream,
} from "../testing/fake-upstream.ts";
import {
  configText,
  masterKey,
  modelEntry,
  startGateway,
  type TestGateway,
} from "../testing/gateway.ts";

/** A gateway whose `model_list` has these entries; each is at the gateway's own upstream unless it says otherwise. */
function gatewayWith(
  entries: readonly Record<string, unknown>[],
  sections: Record<string, object> = {},
): Promise<TestGateway> {
  return startGateway({
    config: (api_base) =>
      configText({
        model_list: entries.map((entry) => modelEntry({ model_name: "gpt", api_base, ...entry })),
        ...sections,
      }),
  });
}

/** The address of a machine that is not there. */
async function closedAddress(): Promise<string> {
  const upstream = await startUpstream();
  await upstream.close();
  return upstream.url;
}

function refusing(status: number): AnswerUpstream {
  return (_call, response) =>
    sendJson(
      response,
      { error: { message: "refused", type: "their_type", code: "their_code" } },
      status,
    );
}

async function repeat(times: number, call: () => Promise<Response>): Promise<number[]> {
  const statuses: number[] = [];
  for (let done = 0; done < times; done += 1) statuses.push((await call()).status);
  return statuses;
}

const calledModels = ({ calls }: FakeUpstream) => calls.map(({ body }) => body["model"]);

test("entries of one name are a group, which shares its calls by weight", async () => {
  await using gateway = await gatewayWith([
    { model: "openai/heavy", weight: 9 },
    { model: "openai/light", weight: 1 },
    { model: "openai/never", weight: 0 },
  ]);

  await Promise.all(Array.from({ length: 300 }, () => gateway.chat(masterKey)));

  const called = calledModels(gateway.upstream);
  const light = called.filter((model) => model === "light").length;
  // 30 are expected; beyond six standard deviations of 5.2 a fair shuffle does not come.
  expect(light).toBeGreaterThan(0);
  expect(light).toBeLessThan(62);
  expect(called).not.toContain("never");
});

test("a deployment that refuses the connection is tried once, and the next one answers; each has its row", async () => {
  const api_base = await closedAddress();
  await using gateway = await gatewayWith([
    { model: "openai/dead", api_base, weight: 1_000_000 },
    { model: "openai/alive", weight: 0 },
  ]);

  const response = await gateway.chat(masterKey);

  expect(response.status).toBe(200);
  expect(response.headers.get("x-litellm-attempted-retries")).toBe("1");
  const rows = await gateway.spendLogs(`request_id=${response.headers.get("x-request-id")}`);
  expect(rows).toMatchObject([
    { upstream_model: "alive", status: "success", spend: 0.002 },
    { upstream_model: "dead", status: "failure", spend: 0, estimated: false, usage: null },
  ]);
});

test.each([401, 402, 403, 404, 408, 429, 500, 502, 503, 529])(
  "an answer of %i from one deployment goes on to the next",
  async (status) => {
    await using bad = await startUpstream();
    bad.answer(refusing(status));
    await using gateway = await gatewayWith([
      { model: "openai/bad", api_base: bad.url },
      { model: "openai/good", weight: 0 },
    ]);

    expect((await gateway.chat(masterKey)).status).toBe(200);
    expect((await gateway.chat(masterKey, { stream: true })).status).toBe(200);

    expect(bad.calls).toHaveLength(2);
    expect(calledModels(gateway.upstream)).toEqual(["good", "good"]);
  },
);

test.each([400, 409, 413, 415, 422])(
  "an answer of %i is about the request: no other deployment is asked",
  async (status) => {
    await using bad = await startUpstream();
    bad.answer(refusing(status));
    await using gateway = await gatewayWith([
      { model: "openai/bad", api_base: bad.url },
      { model: "openai/good", weight: 0 },
    ]);

    const response = await gateway.chat(masterKey);

    expect(response.status).toBe(status);
    expect(await response.json()).toEqual({
      error: { message: "refused", type: "their_type", param: null, code: "their_code" },
    });
    expect(gateway.upstream.calls).toEqual([]);
    expect(await gateway.spendLogs()).toMatchObject([
      { status: "failure", error_code: "their_code", spend: 0 },
    ]);
  },
);

test("a deployment of weight 0 is called only where no other answers", async () => {
  await using gateway = await gatewayWith([
    { model: "openai/first" },
    { model: "openai/spare", weight: 0 },
  ]);
  await repeat(10, () => gateway.chat(masterKey));
  expect(new Set(calledModels(gateway.upstream))).toEqual(new Set(["first"]));

  gateway.upstream.answer((call, response) =>
    call.body["model"] === "first"
      ? refusing(503)(call, response)
      : sendJson(response, { choices: [] }),
  );

  expect(await repeat(3, () => gateway.chat(masterKey))).toEqual([200, 200, 200]);
  expect(calledModels(gateway.upstream).slice(10)).toEqual([
    "first",
    "spare",
    "first",
    "spare",
    "first",
    "spare",
  ]);
});

test("where all deployments fail the caller is told of the last failure, and pays nothing", async () => {
  await using gateway = await gatewayWith([{ model: "openai/one" }, { model: "openai/two" }]);
  const key = await gateway.generateKey();

  gateway.upstream.answer((_call, response) => {
    response.writeHead(429, { "retry-after": "7", "retry-after-ms": "6500" }).end();
  });
  const limited = await gateway.chat(key);
  gateway.upstream.answer(refusing(503));
  const failed = await gateway.chat(key);

  expect(limited.status).toBe(429);
  expect(limited.headers.get("retry-after")).toBe("7");
  expect(limited.headers.get("retry-after-ms")).toBe("6500");
  expect(await limited.json()).toMatchObject({
    error: { type: "upstream_error", code: "upstream_rate_limited" },
  });
  expect(failed.status).toBe(502);
  expect(await failed.json()).toMatchObject({ error: { type: "upstream_error", code: null } });
  expect(await gateway.spendLogs()).toHaveLength(4);
  expect(await gateway.spendOf(key)).toBe(0);
});

test("an upstream's API key is rotated by two entries: while one is refused, every call succeeds", async () => {
  await using gateway = await gatewayWith([{ api_key: "sk-old" }, { api_key: "sk-new" }]);
  gateway.upstream.answer((call, response) =>
    call.headers.authorization === "Bearer sk-old"
      ? refusing(401)(call, response)
      : sendJson(response, { choices: [] }),
  );

  expect(new Set(await repeat(20, () => gateway.chat(masterKey)))).toEqual(new Set([200]));
  expect(new Set(gateway.upstream.calls.map(({ headers }) => headers.authorization))).toEqual(
    new Set(["Bearer sk-old", "Bearer sk-new"]),
  );
});

test("a model that no deployment can be called for is unavailable, and a sibling that can be called is used", async () => {
  const keyless = { model: "openai/keyless", api_key: "os.environ/NOT_SET_ANYWHERE" };
  await using gateway = await gatewayWith([
    { model_name: "lost", ...keyless },
    { model_name: "half", ...keyless, weight: 1_000 },
    { model_name: "half", model: "openai/whole" },
  ]);

  const lost = await gateway.chat(masterKey, { model: "lost" });

  expect(lost.status).toBe(503);
  expect(lost.headers.get("retry-after")).toMatch(/^\d+$/);
  expect(await lost.json()).toMatchObject({
    error: { type: "upstream_error", code: "model_unavailable" },
  });
  expect(await repeat(5, () => gateway.chat(masterKey, { model: "half" }))).toEqual([
    200, 200, 200, 200, 200,
  ]);
});
