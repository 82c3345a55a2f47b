import { expect, test } from "vitest";
import { sendJson } from "../testing/fake-upstream.ts";
import { expectError } from "../testing/gateway.ts";
import { type MediaGateway, startMediaGateway } from "../testing/media-gateway.ts";

const exceeded = { status: 429, type: "budget_exceeded", code: "budget_exceeded" };
const notPriced = {
  status: 400,
  type: "invalid_request_error",
  code: "model_not_priced",
  param: "model",
};

function images(gateway: MediaGateway, key: string, fields: object = {}) {
  return gateway.request("POST", "/v1/images/generations", {
    key,
    body: { model: "picture", prompt: "A cat", ...fields },
  });
}

function speech(gateway: MediaGateway, key: string, fields: object = {}) {
  return gateway.request("POST", "/v1/audio/speech", {
    key,
    body: { model: "voice", voice: "alloy", input: "x".repeat(100), ...fields },
  });
}

function transcription(gateway: MediaGateway, key: string, model: string) {
  const body = new FormData();
  body.append("model", model);
  body.append("file", new Blob([Buffer.alloc(8_000)]), "a.mp3");
  return fetch(`${gateway.url}/v1/audio/transcriptions`, {
    method: "POST",
    headers: { authorization: `Bearer ${key}` },
    body,
  });
}

test("a key spends its budget on images to the end, and is refused from then on", async () => {
  await using gateway = await startMediaGateway();
  const key = await gateway.generateKey({ max_budget: 0.1 });

  expect((await images(gateway, key, { n: 2 })).status).toBe(200);
  await gateway.deps.gateway.ledger.flush();
  expect((await images(gateway, key)).status).toBe(200);
  await gateway.deps.gateway.ledger.flush();

  await expectError(await images(gateway, key), exceeded);
  expect(gateway.upstream.calls).toHaveLength(2);
  expect(await gateway.spendOf(key)).toBe(0.12);
});

test("what images of a call under way may cost is held", async () => {
  await using gateway = await startMediaGateway();
  const key = await gateway.generateKey({ max_budget: 0.08 });
  let second: Response | undefined;
  gateway.upstream.answer(async (_call, response) => {
    second ??= await images(gateway, key);
    sendJson(response, { created: 1, data: [{ url: "a" }, { url: "b" }] });
  });

  expect((await images(gateway, key, { n: 2 })).status).toBe(200);

  expect(second && (await second.json())).toMatchObject({ error: { code: "budget_reserved" } });
  expect(await gateway.spendOf(key)).toBe(0.08);
});

test("a strict budget is not overspent by images, characters or searches", async () => {
  await using gateway = await startMediaGateway({ budget_enforcement: "strict" });
  const key = await gateway.generateKey({ max_budget: 0.1 });
  const poor = await gateway.generateKey({ max_budget: 0.001 });
  const rerank = { body: { model: "rank", query: "a", documents: ["b"] } };

  expect((await images(gateway, key, { n: 2 })).status).toBe(200);
  await gateway.deps.gateway.ledger.flush();
  expect((await images(gateway, key)).status).toBe(429);
  // A hundred characters are 0.0015 USD, a search 0.002.
  expect((await speech(gateway, key)).status).toBe(200);
  expect((await speech(gateway, poor)).status).toBe(429);
  expect((await gateway.request("POST", "/v1/rerank", { ...rerank, key })).status).toBe(200);
  expect((await gateway.request("POST", "/v1/rerank", { ...rerank, key: poor })).status).toBe(429);

  expect(await gateway.spendOf(key)).toBe(0.08 + 0.0015 + 0.004);
});

test("what nobody can bound is refused on a strict budget", async () => {
  await using gateway = await startMediaGateway({ budget_enforcement: "strict" });
  const key = await gateway.generateKey({ max_budget: 100 });

  expect(await expectError(await images(gateway, key, { model: "unpriced" }), notPriced)).toContain(
    "its price is not known",
  );
  expect(
    await expectError(await images(gateway, key, { model: "gpt-image" }), notPriced),
  ).toContain("max_output_tokens");
  expect(
    await expectError(await speech(gateway, key, { model: "mini-voice" }), notPriced),
  ).toContain("max_output_tokens");
  expect(await expectError(await transcription(gateway, key, "whisper"), notPriced)).toContain(
    "how long its audio is",
  );
  expect(await expectError(await transcription(gateway, key, "scribe"), notPriced)).toContain(
    "max_input_tokens and max_output_tokens",
  );
  await expectError(
    await gateway.request("POST", "/v1/rerank", {
      key,
      body: { model: "whisper", query: "a", documents: ["b"] },
    }),
    notPriced,
  );
  expect(gateway.upstream.calls).toEqual([]);
});

test("audio is held against a budget by an estimate of its length, and settled at what is reported", async () => {
  await using gateway = await startMediaGateway();
  const key = await gateway.generateKey({ max_budget: 0.0001 });
  let second: Response | undefined;
  gateway.upstream.answer(async (_call, response) => {
    second ??= await transcription(gateway, key, "whisper");
    sendJson(response, { text: "Hi", usage: { type: "duration", seconds: 2 } });
  });

  expect((await transcription(gateway, key, "whisper")).status).toBe(200);

  expect(second?.status).toBe(429);
  expect(await gateway.spendOf(key)).toBe(0.0002);
});

test("calls count in the limits of their key, with the tokens that their audio may be", async () => {
  await using gateway = await startMediaGateway();
  const key = await gateway.generateKey({ rpm_limit: 1, tpm_limit: 1_000 });

  const first = await transcription(gateway, key, "scribe");
  expect(first.status).toBe(200);
  // A second of audio: 10 tokens heard and 4 written.
  expect(first.headers.get("x-ratelimit-remaining-tokens")).toBe("986");
  expect((await speech(gateway, key)).status).toBe(429);
});
