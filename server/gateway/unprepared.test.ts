import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test, vi } from "vitest";
import { fixture } from "../providers/ai-sdk/fixtures/reading.ts";
import { openStream, sendJson } from "../testing/fake-upstream.ts";
import { configText, modelEntry, startGateway, type TestGateway } from "../testing/gateway.ts";

// What keeps a call from being sent to a deployment: before anything is written down, and after.

interface Member {
  readonly model_name: string;
  readonly [parameter: string]: unknown;
}

function gatewayWith(...members: readonly Member[]): Promise<TestGateway> {
  return startGateway({
    config: (url) =>
      configText({
        model_list: members.map((member) => modelEntry({ api_base: `${url}/v1`, ...member })),
      }),
  });
}

/** One call at a time, so that a slot that is not given back shows at once. */
const cohere = {
  model_name: "cohere",
  model: "cohere/command-a-03-2025",
  max_parallel_requests: 1,
};
const embedder = { ...cohere, model_name: "embedder", model: "cohere/embed-v4.0" };

const notInstalled = {
  model_name: "mixed",
  model: "ai_sdk/@ai-sdk/not-installed-here/m",
  weight: 1_000_000,
};
const healthy = { model_name: "mixed", weight: 0.000_001 };

/** Whatever is written down there grows it, and what is never settled stays. */
async function journalBytes({ request }: TestGateway): Promise<number> {
  const metrics = await (await request("GET", "/metrics")).text();
  const [, bytes] = /^keyplane_journal_bytes (\d+)$/m.exec(metrics) ?? [];
  if (bytes === undefined) throw new Error(`no journal in the metrics: ${metrics.slice(0, 200)}`);
  return Number(bytes);
}

const file = { file_data: "data:application/pdf;base64,JVBERi0=", filename: "a.pdf" };
const withFile = [{ role: "user", content: [{ type: "file", file }] }];

const broken = { id: "1", type: "function", function: { name: "f", arguments: '{"a": tru' } };

test.each([
  ["n", { n: 2 }],
  ["logprobs", { logprobs: true }],
  [
    "messages.1.tool_calls.0.function.arguments",
    {
      messages: [
        { role: "user", content: "Hi" },
        { role: "assistant", content: null, tool_calls: [broken] },
      ],
    },
  ],
])(
  "a chat that a library refuses for its %s is 400, keeps no slot and leaves no open attempt",
  async (param, fields) => {
    await using gateway = await gatewayWith(cohere);
    const key = await gateway.generateKey({ max_budget: 1 });
    const before = await journalBytes(gateway);

    const refused = await gateway.chat(key, { model: "cohere", ...fields });

    expect(refused.status).toBe(400);
    expect(await refused.json()).toMatchObject({ error: { param } });
    expect(await journalBytes(gateway)).toBe(before);
    gateway.upstream.answer((_call, response) => {
      openStream(response, fixture("cohere-tools.sse"));
      response.end();
    });
    const next = await gateway.chat(key, { model: "cohere", stream: true });
    expect(next.status).toBe(200);
    await next.text();
    expect(await gateway.spendLogs()).toMatchObject([{ status: "success" }]);
  },
);

test.each([
  ["cohere/embed-v4.0", "token ids", "input", { input: [1, 2, 3] }],
  [
    "ai_sdk/@ai-sdk/anthropic/m",
    "a model of a package without embeddings",
    "model",
    { input: "x" },
  ],
])("an embedding by %s of %s is 400 and keeps no slot", async (model, _what, param, fields) => {
  await using gateway = await gatewayWith({ ...embedder, model });
  const key = await gateway.generateKey();
  const embed = () =>
    gateway.request("POST", "/v1/embeddings", { key, body: { model: "embedder", ...fields } });

  const refusals = [await embed(), await embed()];

  expect(refusals.map(({ status }) => status)).toEqual([400, 400]);
  expect(await refusals[1]?.json()).toMatchObject({ error: { param } });
  expect(await gateway.spendLogs()).toEqual([]);
});

test("what only the package itself finds that it cannot say is 400, and its attempt costs nothing", async () => {
  await using gateway = await gatewayWith(cohere);
  const key = await gateway.generateKey({ max_budget: 1 });

  const statuses = [
    (await gateway.chat(key, { model: "cohere", messages: withFile })).status,
    (await gateway.chat(key, { model: "cohere", messages: withFile })).status,
  ];

  expect(statuses).toEqual([400, 400]);
  const row = { status: "failure", error_code: "invalid_request", spend: 0 };
  expect(await gateway.spendLogs()).toMatchObject([row, row]);
});

test("where a package is not installed, another deployment of the group takes the call", async () => {
  await using gateway = await gatewayWith(notInstalled, healthy);
  const key = await gateway.generateKey();

  const response = await gateway.chat(key, { model: "mixed" });

  expect(response.status).toBe(200);
  expect(await gateway.spendLogs()).toMatchObject([{ status: "success" }]);
});

test.each([
  ["one provider has no words for", { n: 2 }],
  ["only the package of one finds that it cannot say", { messages: withFile }],
])("what %s goes to another of the group that can", async (_what, fields) => {
  await using gateway = await gatewayWith({ ...cohere, model_name: "mixed", weight: 1e6 }, healthy);
  const key = await gateway.generateKey();

  const response = await gateway.chat(key, { model: "mixed", ...fields });

  expect(response.status).toBe(200);
  expect(gateway.upstream.calls).toMatchObject([{ path: "/v1/chat/completions", body: fields }]);
});

test("what no provider of a group has words for is 400", async () => {
  await using gateway = await gatewayWith(
    { ...cohere, model_name: "mixed" },
    { ...cohere, model_name: "mixed", model: "anthropic/claude-sonnet-4-5" },
  );
  const key = await gateway.generateKey();

  const response = await gateway.chat(key, { model: "mixed", n: 2 });

  expect(response.status).toBe(400);
  expect(await response.json()).toMatchObject({ error: { param: "n" } });
  expect(await gateway.spendLogs()).toEqual([]);
});

test("a bug between the journal and the wire costs nothing, and keeps no slot", async () => {
  await using gateway = await gatewayWith({ model_name: "gpt", max_parallel_requests: 1 });
  const key = await gateway.generateKey({ max_budget: 1 });
  const send = vi.spyOn(gateway.deps.gateway.transport, "send");
  send.mockRejectedValueOnce(new TypeError("x is undefined"));

  const failed = await gateway.chat(key);
  const next = await gateway.chat(key);

  expect([failed.status, next.status]).toEqual([500, 200]);
  expect(await gateway.spendLogs()).toMatchObject([
    { status: "success" },
    { status: "failure", error_code: "internal", spend: 0 },
  ]);
});

const deepObject = `${'{"a":'.repeat(50_000)}1${"}".repeat(50_000)}`;

test.each([
  ["/v1/chat/completions", "anthropic/claude-sonnet-4-5"],
  ["/v1/chat/completions", "cohere/command-a-03-2025"],
  ["/v1/messages", "openai/gpt-real"],
  ["/v1/responses", "anthropic/claude-sonnet-4-5"],
])("a request to %s that is nested too deeply for %s is 400", async (path, model) => {
  await using gateway = await gatewayWith({ ...cohere, model_name: "deep", model });
  const key = await gateway.generateKey();
  const messages = '"messages":[{"role":"user","content":"x"}]';
  const asked = {
    "/v1/chat/completions": `${messages},"tools":[{"type":"function","function":{"name":"f","parameters":${deepObject}}}]`,
    "/v1/messages": `${messages},"max_tokens":5,"tools":[{"name":"f","input_schema":${deepObject}}]`,
    "/v1/responses": `"input":"x","tools":[{"type":"function","name":"f","parameters":${deepObject}}]`,
  }[path];

  const response = await fetch(gateway.url + path, {
    method: "POST",
    headers: { authorization: `Bearer ${key}`, "content-type": "application/json" },
    body: `{"model":"deep",${asked}}`,
  });

  expect(await response.text()).toContain("it is nested too deeply");
  expect(response.status).toBe(400);
});

test("batches of an embedding that were answered before one failed are charged, once", async () => {
  await using gateway = await gatewayWith(embedder);
  const key = await gateway.generateKey({ max_budget: 1 });
  gateway.upstream.answer(({ body }, response) => {
    const texts = body["texts"] as string[];
    if (texts.length < 96) return sendJson(response, { message: "boom" }, 500);
    sendJson(response, {
      id: "da6e531f-54c5-4a73-bf92-f60566d8d753",
      embeddings: { float: texts.map(() => [1, 2]) },
      texts,
      meta: { billed_units: { input_tokens: 5000 } },
    });
  });

  const input = Array.from({ length: 100 }, (_, index) => `text ${index}`);
  const response = await gateway.request("POST", "/v1/embeddings", {
    key,
    body: { model: "embedder", input },
  });

  expect(response.status).toBe(502);
  expect(await gateway.spendLogs()).toMatchObject([
    { status: "failure", spend: 0.005, usage: { input: 5000 }, estimated: false },
  ]);
  expect(await gateway.spendOf(key)).toBe(0.005);
});

/** A package that takes its time to load, as from a cold disk; its model calls the upstream. */
const slowPackage = `
  await new Promise((resolve) => setTimeout(resolve, 500));
  export const createSlow = ({ baseURL }) => ({
    languageModel: (modelId) => ({
      specificationVersion: "v3", provider: "slow", modelId, supportedUrls: {},
      doGenerate: () => fetch(baseURL), doStream: () => fetch(baseURL),
    }),
  });
`;

test("a client that leaves while a library is loaded is charged nothing, and nothing is sent", async () => {
  const folder = mkdtempSync(join(tmpdir(), "keyplane-packages-"));
  const place = join(folder, "node_modules", "slow-ai-provider");
  mkdirSync(place, { recursive: true });
  writeFileSync(join(place, "package.json"), '{"type":"module","exports":"./index.js"}');
  writeFileSync(join(place, "index.js"), slowPackage);
  const cwd = vi.spyOn(process, "cwd").mockReturnValue(folder);
  await using gateway = await gatewayWith({ ...cohere, model: "ai_sdk/slow-ai-provider/m" });
  const key = await gateway.generateKey({ max_budget: 1 });
  const before = await journalBytes(gateway);
  const body = { model: "cohere", messages: [{ role: "user", content: "Hi" }] };
  const signal = AbortSignal.timeout(200);

  const call = gateway.request("POST", "/v1/chat/completions", { key, body, signal });

  await expect(call).rejects.toThrow();
  await gateway.deps.gateway.inFlight.none();
  expect(await journalBytes(gateway)).toBe(before);
  expect(gateway.upstream.calls).toEqual([]);
  expect(await gateway.spendLogs()).toEqual([]);
  cwd.mockRestore();
  rmSync(folder, { recursive: true });
});
