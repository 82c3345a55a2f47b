import { setTimeout as sleep } from "node:timers/promises";
import { pino } from "pino";
import { expect, test } from "vitest";
import {
  configText,
  expectError,
  modelEntry,
  startGateway,
  type TestGateway,
} from "../testing/gateway.ts";
import { temporaryDirectory } from "../testing/gateway-process.ts";
import { bodyOf } from "../testing/reply.ts";

/** What one call of the fake upstream costs at the prices of the tests: 1000 tokens in, 500 out. */
const costOfCall = 0.002;

const exceeded = { status: 429, type: "budget_exceeded", code: "budget_exceeded" };

async function windowsOf(gateway: TestGateway, key: string) {
  await gateway.deps.gateway.ledger.flush();
  const { info } = await bodyOf(await gateway.request("GET", `/key/info?key=${key}`));
  return (info as { budget_windows: { spend: number; reserved: number }[] }).budget_windows;
}

async function callUntilRefused(gateway: TestGateway, key: string) {
  let answered = 0;
  for (;;) {
    const response = await gateway.chat(key);
    if (response.status !== 200) return { answered, response };
    await response.text();
    answered += 1;
    await gateway.deps.gateway.ledger.flush();
  }
}

test("a key over its budget is refused before any upstream is called", async () => {
  await using gateway = await startGateway();
  const key = await gateway.generateKey({ max_budget: 0 });

  const response = await gateway.chat(key);

  expect(response.headers.get("x-should-retry")).toBe("false");
  const message = await expectError(response, exceeded);
  expect(message).toMatch(/max_budget of key sk-\.\.\..{4} is spent: 0 of 0 USD/);
  expect(gateway.upstream.calls).toEqual([]);
});

test("a key spends its budget to the end, and one call of the slack, and is refused from then on", async () => {
  await using gateway = await startGateway();
  const key = await gateway.generateKey({ max_budget: 5.5 * costOfCall });

  const { answered, response } = await callUntilRefused(gateway, key);

  await expectError(response, exceeded);
  expect(answered).toBe(6);
  expect(await windowsOf(gateway, key)).toMatchObject([{ spend: 6 * costOfCall }]);
});

test("truth 4: with nothing in flight for a second nothing is held, and what was spent is the sum of the rows", async () => {
  await using gateway = await startGateway();
  const key = await gateway.generateKey({
    max_budget: 1,
    budget_limits: [{ max_budget: 2, budget_duration: "1d" }],
  });
  await Promise.all(Array.from({ length: 20 }, async () => (await gateway.chat(key)).text()));

  await sleep(1_000);

  const windows = await windowsOf(gateway, key);
  expect(windows).toHaveLength(2);
  for (const window of windows) {
    expect(window.reserved).toBe(0);
    expect(window.spend).toBeCloseTo(20 * costOfCall, 12);
  }
});

test("a raised budget works on the next call, and a lowered one too", async () => {
  await using gateway = await startGateway();
  const key = await gateway.generateKey({ max_budget: costOfCall / 2 });
  const { response } = await callUntilRefused(gateway, key);
  expect(response.status).toBe(429);

  await gateway.request("POST", "/key/update", { body: { key, max_budget: 1 } });
  expect((await gateway.chat(key)).status).toBe(200);

  await gateway.request("POST", "/key/update", { body: { key, max_budget: costOfCall } });
  await expectError(await gateway.chat(key), exceeded);
});

test("truth 9: with an allowance in hand a call asks the database nothing", async () => {
  await using gateway = await startGateway();
  const key = await gateway.generateKey({ max_budget: 1_000 });
  const { allowances } = gateway.deps.gateway.treasury;
  const ask = allowances.fetch.bind(allowances);
  let questions = 0;
  allowances.fetch = (request) => {
    questions += 1;
    return ask(request);
  };

  for (let call = 0; call < 200; call += 1) await (await gateway.chat(key)).text();

  // The first call asks, and after it only as the pace of the calls becomes known.
  expect(questions).toBeGreaterThan(0);
  expect(questions).toBeLessThan(40);
});

test("a soft budget refuses nothing, and says once that it is spent", async () => {
  const lines: { msg: string; spentUsd?: string }[] = [];
  const logger = pino({}, { write: (line: string) => lines.push(JSON.parse(line)) });
  await using gateway = await startGateway({ logger });
  const key = await gateway.generateKey({ soft_budget: 2.5 * costOfCall });

  for (let call = 0; call < 5; call += 1) {
    expect((await gateway.chat(key)).status).toBe(200);
    await gateway.deps.gateway.ledger.flush();
  }

  const said = lines.filter(({ msg }) => msg === "a soft budget is spent: calls go on");
  expect(said).toMatchObject([{ spentUsd: "0.006", softBudgetUsd: "0.005", budget: "max_budget" }]);
});

test("several budgets at once: the narrowest refuses, and the message says which it was", async () => {
  await using gateway = await startGateway();
  const key = await gateway.generateKey({
    max_budget: 1,
    budget_limits: [{ max_budget: costOfCall, budget_duration: "1d" }],
    model_max_budget: { gpt: 1, other: 0 },
  });

  const { answered, response } = await callUntilRefused(gateway, key);

  expect(answered).toBe(1);
  expect(await expectError(response, exceeded)).toMatch(/budget_limits for 1d of key/);
});

test("a budget of one model leaves the others alone", async () => {
  await using gateway = await startGateway({ config: twoGroups });
  const key = await gateway.generateKey({ model_max_budget: { gpt: 0 } });

  await expectError(await gateway.chat(key), exceeded);
  expect((await gateway.chat(key, { model: "other" })).status).toBe(200);
});

test("a new window begins at zero, and what was in flight counts where it was admitted", async () => {
  await using gateway = await startGateway();
  const key = await gateway.generateKey({ max_budget: costOfCall, budget_duration: "2s" });
  const { response } = await callUntilRefused(gateway, key);
  await expectError(response, exceeded);

  await expect
    .poll(async () => (await gateway.chat(key)).status, { timeout: 10_000, interval: 200 })
    .toBe(200);
});

test("what a key had spent before it was given a budget counts", async () => {
  await using gateway = await startGateway();
  const key = await gateway.generateKey();
  expect((await gateway.chat(key)).status).toBe(200);
  expect(await gateway.spendOf(key)).toBe(costOfCall);

  await gateway.request("POST", "/key/update", { body: { key, max_budget: costOfCall } });

  expect(await expectError(await gateway.chat(key), exceeded)).toMatch(/0.002 of 0.002 USD/);
});

test("a temporary increase counts until it ends", async () => {
  await using gateway = await startGateway();
  const key = await gateway.generateKey({
    max_budget: 0,
    temp_budget_increase: 1,
    temp_budget_expiry: "2s",
  });
  expect((await gateway.chat(key)).status).toBe(200);

  await expect
    .poll(async () => (await gateway.chat(key)).status, { timeout: 10_000, interval: 200 })
    .toBe(429);
});

test("the status of a spent budget is the operator's choice, and free models are not held to any", async () => {
  await using gateway = await startGateway({
    config: (url) =>
      configText({
        model_list: [
          modelEntry({ model_name: "gpt", api_base: `${url}/v1` }),
          { model_name: "free", litellm_params: { model: "openai/free", mock_response: "Hi" } },
        ],
        general_settings: { budget_exceeded_status: 402 },
      }),
  });
  const key = await gateway.generateKey({ max_budget: 0 });

  await expectError(await gateway.chat(key), { ...exceeded, status: 402 });
  expect((await gateway.chat(key, { model: "free" })).status).toBe(200);
  expect((await gateway.request("GET", "/v1/models", { key })).status).toBe(200);
});

test("whom custom auth vouches for is held to the budget and the limits that it names", async () => {
  await using folder = await temporaryDirectory({
    "custom_auth.js": `export const vouch = async (_request, key) =>
      key.startsWith("sk-own-") ? { api_key: key, max_budget: ${1.5 * costOfCall}, rpm_limit: 3 } : null;`,
  });
  await using gateway = await startGateway({
    directory: folder.path,
    config: (url) =>
      configText({
        model_list: [modelEntry({ model_name: "gpt", api_base: `${url}/v1` })],
        general_settings: { custom_auth: "custom_auth.vouch" },
      }),
  });

  const { answered, response } = await callUntilRefused(gateway, "sk-own-1");
  expect(answered).toBe(2);
  await expectError(response, exceeded);
  expect((await gateway.chat("sk-own-2")).headers.get("x-ratelimit-limit-requests")).toBe("3");
});

function twoGroups(url: string): string {
  const group = (model_name: string) => modelEntry({ model_name, api_base: `${url}/v1` });
  return configText({ model_list: [group("gpt"), group("other")] });
}
