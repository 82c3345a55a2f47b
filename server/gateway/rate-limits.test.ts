import { expect, test } from "vitest";
import { answerLikeOpenAi, sendJson } from "../testing/fake-upstream.ts";
import {
  configText,
  expectError,
  modelEntry,
  startGateway,
  type TestGateway,
} from "../testing/gateway.ts";

const limited = { status: 429, type: "rate_limit_error", code: "rate_limit_exceeded" };

const answer = async (gateway: TestGateway, key: string, fields?: Record<string, unknown>) => {
  const response = await gateway.chat(key, fields);
  const text = await response.text();
  return { status: response.status, headers: response.headers, text };
};

test("a key calls as often in a minute as it may, and is told how often that still is", async () => {
  await using gateway = await startGateway();
  const key = await gateway.generateKey({ rpm_limit: 3 });

  const remaining = [];
  for (let call = 0; call < 3; call += 1) {
    const { status, headers } = await answer(gateway, key);
    expect(status).toBe(200);
    expect(headers.get("x-ratelimit-limit-requests")).toBe("3");
    remaining.push(headers.get("x-ratelimit-remaining-requests"));
  }
  expect(remaining).toEqual(["2", "1", "0"]);

  const refused = await gateway.chat(key);
  expect(Number(refused.headers.get("retry-after"))).toBeGreaterThan(50);
  expect(Number(refused.headers.get("retry-after"))).toBeLessThanOrEqual(60);
  expect(Number(refused.headers.get("retry-after-ms"))).toBeGreaterThan(50_000);
  expect(refused.headers.get("x-ratelimit-remaining-requests")).toBe("0");
  expect(await expectError(refused, limited)).toMatch(
    /has reached its limit of 3 requests a minute/,
  );
  expect(gateway.upstream.calls).toHaveLength(3);
});

test("tokens count as estimated at first, and as used once the call has ended", async () => {
  await using gateway = await startGateway();
  // A call of the fake upstream uses 1500.
  const key = await gateway.generateKey({ tpm_limit: 2_000 });

  const first = await answer(gateway, key, { max_tokens: 10 });
  expect(first.status).toBe(200);
  expect(Number(first.headers.get("x-ratelimit-remaining-tokens"))).toBeGreaterThan(1_900);
  const second = await answer(gateway, key, { max_tokens: 10 });
  expect(Number(second.headers.get("x-ratelimit-remaining-tokens"))).toBeLessThan(500);

  expect(await expectError(await gateway.chat(key, { max_tokens: 10 }), limited)).toMatch(
    /2000 tokens a minute/,
  );
});

test("calls at once stay within their limit, and one that ended makes room", async () => {
  await using gateway = await startGateway();
  const key = await gateway.generateKey({ max_parallel_requests: 1 });
  const held: (() => void)[] = [];
  gateway.upstream.answer((call, response) => {
    held.push(() => void answerLikeOpenAi(call, response));
  });
  const first = gateway.chat(key);
  await expect.poll(() => held.length).toBe(1);

  const refused = await gateway.chat(key);
  expect(refused.headers.get("retry-after")).toBe("1");
  await expectError(refused, limited);
  held[0]?.();
  expect((await first).status).toBe(200);
  gateway.upstream.answer(answerLikeOpenAi);
  expect((await answer(gateway, key)).status).toBe(200);
});

test("a client that hangs up gives its place back", async () => {
  await using gateway = await startGateway();
  const key = await gateway.generateKey({ max_parallel_requests: 1 });
  gateway.upstream.answer(() => undefined);
  const leaving = new AbortController();
  const left = gateway.request("POST", "/v1/chat/completions", {
    key,
    body: { model: "gpt", messages: [{ role: "user", content: "Hi" }] },
    signal: leaving.signal,
  });
  await expect.poll(() => gateway.upstream.calls.length).toBe(1);
  leaving.abort();
  await expect(left).rejects.toThrow();

  gateway.upstream.answer(answerLikeOpenAi);
  await expect.poll(async () => (await answer(gateway, key)).status).toBe(200);
});

test("a call that one limit refuses takes nothing of another", async () => {
  await using gateway = await startGateway();
  const key = await gateway.generateKey({ rpm_limit: 2, model_rpm_limit: { gpt: 1 } });
  expect((await answer(gateway, key)).status).toBe(200);
  for (let call = 0; call < 5; call += 1) await expectError(await gateway.chat(key), limited);

  await gateway.request("POST", "/key/update", { body: { key, model_rpm_limit: null } });

  expect((await answer(gateway, key)).status).toBe(200);
  await expectError(await gateway.chat(key), limited);
});

test("a call that its budget refuses takes nothing of its limits", async () => {
  await using gateway = await startGateway();
  const key = await gateway.generateKey({ rpm_limit: 1, max_budget: 0 });
  expect((await answer(gateway, key)).status).toBe(429);

  await gateway.request("POST", "/key/update", { body: { key, max_budget: 1 } });

  expect((await answer(gateway, key)).status).toBe(200);
});

test("a limit for one model group leaves the others alone", async () => {
  await using gateway = await startGateway({ config: twoGroups });
  const key = await gateway.generateKey({ model_rpm_limit: { gpt: 1 } });
  expect((await answer(gateway, key)).status).toBe(200);
  expect((await answer(gateway, key)).status).toBe(429);

  expect((await answer(gateway, key, { model: "other" })).status).toBe(200);
});

test("a call that has ended leaves its deployment room for others, and counts the tokens that it used", async () => {
  // A call of the fake upstream uses 1500, and is estimated at far less.
  const limits = { max_parallel_requests: 1, tpm: 2_000 };
  await using gateway = await startGateway({
    config: (url) =>
      configText({
        model_list: [modelEntry({ model_name: "gpt", api_base: `${url}/v1`, ...limits })],
      }),
  });
  const key = await gateway.generateKey();

  const statuses = [];
  for (let call = 0; call < 2; call += 1)
    statuses.push((await answer(gateway, key, { max_tokens: 10 })).status);
  expect(statuses).toEqual([200, 200]);

  expect(await expectError(await gateway.chat(key, { max_tokens: 10 }), limited)).toMatch(
    /2000 tokens a minute/,
  );
});

test("a deployment at its limit is passed over, and a group of such is a rate limit", async () => {
  await using gateway = await startGateway({
    config: (url) =>
      configText({
        model_list: [
          modelEntry({ model_name: "gpt", api_base: `${url}/v1`, model: "openai/first", rpm: 2 }),
          modelEntry({ model_name: "gpt", api_base: `${url}/v1`, model: "openai/second", rpm: 3 }),
        ],
      }),
  });
  const key = await gateway.generateKey();
  for (let call = 0; call < 5; call += 1) expect((await answer(gateway, key)).status).toBe(200);
  const models = gateway.upstream.calls.map(({ body }) => body["model"]);
  expect(models.filter((model) => model === "first")).toHaveLength(2);
  expect(models.filter((model) => model === "second")).toHaveLength(3);

  expect(await expectError(await gateway.chat(key), limited)).toMatch(
    /deployment ".*" has reached/,
  );
  expect(gateway.upstream.calls).toHaveLength(5);
});

test("a call that no deployment takes takes nothing of its key's limits", async () => {
  await using gateway = await startGateway({
    config: (url) =>
      configText({
        model_list: [
          modelEntry({ model_name: "gpt", api_base: `${url}/v1`, rpm: 0 }),
          modelEntry({ model_name: "other", api_base: `${url}/v1` }),
        ],
      }),
  });
  const key = await gateway.generateKey({ rpm_limit: 1, max_parallel_requests: 1 });
  await expectError(await gateway.chat(key), limited);

  expect((await answer(gateway, key, { model: "other" })).status).toBe(200);
});

test("an upstream that fails counts: the call was made", async () => {
  await using gateway = await startGateway();
  const key = await gateway.generateKey({ rpm_limit: 1 });
  gateway.upstream.answer((_call, response) =>
    sendJson(response, { error: { message: "no" } }, 500),
  );
  expect((await answer(gateway, key)).status).toBe(502);

  await expectError(await gateway.chat(key), limited);
});

function twoGroups(url: string): string {
  const group = (model_name: string) => modelEntry({ model_name, api_base: `${url}/v1` });
  return configText({ model_list: [group("gpt"), group("other")] });
}
