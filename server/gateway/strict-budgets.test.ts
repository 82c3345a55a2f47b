import { expect, test } from "vitest";
import { answerLikeOpenAi } from "../testing/fake-upstream.ts";
import { configText, expectError, modelEntry, startGateway } from "../testing/gateway.ts";

/** At these tests' prices a token out costs two microdollars, and a byte of the prompt at most one. */
interface StrictSettings {
  readonly [setting: string]: unknown;
}

function strict(parameters: StrictSettings = {}, model_info: StrictSettings = {}) {
  return (url: string) => {
    const entry = modelEntry({ model_name: "gpt", api_base: `${url}/v1`, ...parameters });
    return configText({
      model_list: [{ ...entry, model_info }],
      general_settings: { budget_enforcement: "strict" },
    });
  };
}

const lastCap = (gateway: { upstream: { calls: { body: Record<string, unknown> }[] } }) => {
  const { max_tokens, max_completion_tokens } = gateway.upstream.calls.at(-1)?.body ?? {};
  return { max_tokens, max_completion_tokens };
};

test("a call's own cap stands while the budget pays for it", async () => {
  await using gateway = await startGateway({ config: strict() });
  const key = await gateway.generateKey({ max_budget: 1 });

  const response = await gateway.chat(key, { max_tokens: 100 });

  expect(response.status).toBe(200);
  expect(response.headers.get("x-keyplane-max-tokens")).toBeNull();
  expect(lastCap(gateway)).toEqual({ max_tokens: 100, max_completion_tokens: undefined });
});

test.each([["max_tokens"], ["max_completion_tokens"]])(
  "what the rest of a budget does not pay for is taken off %s, and the reply says so",
  async (name) => {
    await using gateway = await startGateway({ config: strict() });
    const key = await gateway.generateKey({ max_budget: 0.0004 });

    const response = await gateway.chat(key, { [name]: 5_000 });

    expect(response.status).toBe(200);
    const cap = Number(response.headers.get("x-keyplane-max-tokens"));
    expect(cap).toBeGreaterThanOrEqual(100);
    expect(cap).toBeLessThan(200);
    expect(gateway.upstream.calls.at(-1)?.body[name]).toBe(cap);
  },
);

test("a call that names no cap is given one, by the name that its upstream takes", async () => {
  await using gateway = await startGateway({ config: strict({}, { max_output_tokens: 700 }) });
  const key = await gateway.generateKey({ max_budget: 1 });

  const response = await gateway.chat(key);

  expect(response.headers.get("x-keyplane-max-tokens")).toBe("700");
  expect(lastCap(gateway)).toEqual({ max_tokens: undefined, max_completion_tokens: 700 });
});

test("other upstreams are capped by max_tokens", async () => {
  await using gateway = await startGateway({ config: strict({ model: "mistral/small" }) });
  const key = await gateway.generateKey({ max_budget: 1 });

  await gateway.chat(key);

  expect(lastCap(gateway)).toEqual({ max_tokens: 16_384, max_completion_tokens: undefined });
});

test("several answers are each capped to their share", async () => {
  await using gateway = await startGateway({ config: strict() });
  const key = await gateway.generateKey({ max_budget: 0.0004 });

  const response = await gateway.chat(key, { max_tokens: 5_000, n: 4 });

  const cap = Number(response.headers.get("x-keyplane-max-tokens"));
  expect(cap).toBeGreaterThanOrEqual(25);
  expect(cap).toBeLessThan(50);
});

test("a rest that pays for fewer than sixteen tokens is no use to anybody: the budget is spent", async () => {
  await using gateway = await startGateway({ config: strict() });
  const key = await gateway.generateKey({ max_budget: 0.00002 });

  await expectError(await gateway.chat(key), {
    status: 429,
    type: "budget_exceeded",
    code: "budget_exceeded",
  });
  expect(gateway.upstream.calls).toEqual([]);
});

test("money that calls under way hold is reserved, not spent, and what they leave over can be spent", async () => {
  await using gateway = await startGateway({ config: strict() });
  const key = await gateway.generateKey({ max_budget: 0.01 });
  const held: (() => void)[] = [];
  gateway.upstream.answer((call, response) => {
    held.push(() => void answerLikeOpenAi(call, response));
  });
  const first = gateway.chat(key, { max_tokens: 10_000 });
  await expect.poll(() => held.length).toBe(1);

  const refused = await gateway.chat(key, { max_tokens: 100 });
  expect(refused.headers.get("retry-after")).toBe("1");
  expect(refused.headers.get("x-should-retry")).toBeNull();
  await expectError(refused, { status: 429, type: "rate_limit_error", code: "budget_reserved" });
  gateway.upstream.answer(answerLikeOpenAi);
  held[0]?.();
  expect((await first).status).toBe(200);

  expect((await gateway.chat(key, { max_tokens: 100 })).status).toBe(200);
});

test("a model that nobody knows the price of is refused to a key with a budget, and to no other", async () => {
  const unpriced = {
    model: "custom_openai/unheard-of",
    input_cost_per_token: undefined,
    output_cost_per_token: undefined,
  };
  await using gateway = await startGateway({ config: strict(unpriced) });

  const key = await gateway.generateKey({ max_budget: 1, rpm_limit: 1 });
  const refusal = {
    status: 400,
    type: "invalid_request_error",
    code: "model_not_priced",
    param: "model",
  };
  await expectError(await gateway.chat(key), refusal);
  // It has taken nothing of the key's limits.
  await expectError(await gateway.chat(key), refusal);
  expect((await gateway.chat(await gateway.generateKey())).status).toBe(200);
});

test("more than text can be sent only where the config says how long a prompt may be", async () => {
  const messages = [
    {
      role: "user",
      content: [{ type: "image_url", image_url: { url: "https://example.com/a.png" } }],
    },
  ];
  await using without = await startGateway({ config: strict() });
  const refused = await without.chat(await without.generateKey({ max_budget: 1 }), { messages });
  expect(refused.status).toBe(400);

  await using gateway = await startGateway({ config: strict({}, { max_input_tokens: 128_000 }) });
  const key = await gateway.generateKey({ max_budget: 0.1 });
  // The longest prompt alone might cost 0.128 USD.
  expect((await gateway.chat(key, { messages })).status).toBe(429);
  await gateway.request("POST", "/key/update", { body: { key, max_budget: 1 } });
  const last = await gateway.chat(key, { messages });
  expect([last.status, await last.text()]).toEqual([200, expect.anything()]);
});
