import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { readConfig } from "../config.ts";
import type { UpstreamCall } from "../testing/fake-upstream.ts";
import {
  configText,
  masterKey,
  modelEntry,
  startGateway,
  type TestGateway,
  type TestModel,
} from "../testing/gateway.ts";
import { createDeployment } from "./deployment.ts";
import { type Provider, type ProviderName, providers } from "./registry.ts";

/** The path of a chat at each provider that is shaped like OpenAI: with an address as its documentation gives it, below the fake's. */
const paths: Partial<Record<ProviderName, readonly (readonly [base: string, path: string])[]>> = {
  openai: [["/v1", "/v1/chat/completions"]],
  azure: [
    ["", "/openai/deployments/m%2F1/chat/completions?api-version=2024-10-21"],
    ["/openai/", "/openai/deployments/m%2F1/chat/completions?api-version=2024-10-21"],
    ["/openai/deployments/own", "/openai/deployments/own/chat/completions?api-version=2024-10-21"],
    [
      "/?api-version=2025-01-01",
      "/openai/deployments/m%2F1/chat/completions?api-version=2025-01-01",
    ],
    ["/openai/v1/", "/openai/v1/chat/completions"],
  ],
  openrouter: [["/api/v1", "/api/v1/chat/completions"]],
  ollama: [
    ["", "/v1/chat/completions"],
    ["/", "/v1/chat/completions"],
    ["/v1", "/v1/chat/completions"],
    ["/v1/", "/v1/chat/completions"],
  ],
  huggingface: [
    ["", "/v1/chat/completions"],
    ["/v1", "/v1/chat/completions"],
    ["/endpoint", "/endpoint/v1/chat/completions"],
  ],
  mistral: [["/v1", "/v1/chat/completions"]],
  groq: [["/openai/v1", "/openai/v1/chat/completions"]],
  together_ai: [["/v1", "/v1/chat/completions"]],
  deepseek: [
    ["/v1", "/v1/chat/completions"],
    ["", "/chat/completions"],
  ],
  xai: [["/v1", "/v1/chat/completions"]],
  fireworks_ai: [["/inference/v1", "/inference/v1/chat/completions"]],
  perplexity: [["", "/chat/completions"]],
  hosted_vllm: [["/v1/", "/v1/chat/completions"]],
  custom_openai: [["/some/where?token=1", "/some/where/chat/completions?token=1"]],
};

const isLikeOpenAi = ({ adapter, library }: Provider) => !adapter && !library;

const names = (Object.keys(providers) as ProviderName[]).filter((name) =>
  isLikeOpenAi(providers[name]),
);

function gatewayWith(models: (url: string) => TestModel[]) {
  return startGateway({ config: (url) => configText({ model_list: models(url).map(modelEntry) }) });
}

test("each provider is called at its path, with its model and its header for the key", async () => {
  const cases = names.flatMap((name) =>
    (paths[name] ?? []).map(([base, path]) => ({ name, base, path })),
  );
  expect(names).toEqual(Object.keys(paths));
  await using gateway = await gatewayWith((url) =>
    cases.map(({ name, base }, index) => ({
      model_name: `case-${index}`,
      model: `${name}/m/1`,
      api_base: url + base,
    })),
  );

  for (const index of cases.keys())
    expect((await gateway.chat(masterKey, { model: `case-${index}` })).status).toBe(200);

  expect(gateway.upstream.calls.map(({ path }) => path)).toEqual(cases.map(({ path }) => path));
  for (const [index, { name }] of cases.entries()) {
    const { headers = {}, body = {} }: Partial<UpstreamCall> = gateway.upstream.calls[index] ?? {};
    const isAzure = name === "azure";
    expect({
      name,
      authorization: headers.authorization,
      apiKey: headers["api-key"],
      model: body["model"],
    }).toEqual({
      name,
      authorization: isAzure ? undefined : "Bearer upstream-secret",
      apiKey: isAzure ? "upstream-secret" : undefined,
      model: "m/1",
    });
    expect(headers["content-type"]).toBe("application/json");
  }
});

test("Azure is asked in the version that the deployment names", async () => {
  await using gateway = await gatewayWith((url) => [
    {
      model_name: "gpt",
      model: "azure/gpt-4o",
      api_base: `${url}/?api-version=2024-02-01`,
      api_version: "2025-03-01-preview",
    },
  ]);

  await gateway.chat(masterKey);

  expect(gateway.upstream.calls[0]?.path).toBe(
    "/openai/deployments/gpt-4o/chat/completions?api-version=2025-03-01-preview",
  );
});

test("a deployment has the limits that its entry names, 0 included, and no others", () => {
  const text = `model_list:
  - { model_name: a, litellm_params: { model: ollama/a, rpm: 60, tpm: 0 } }
  - { model_name: b, litellm_params: { model: ollama/b, max_parallel_requests: 4 } }
`;
  const reading = readConfig({ text, directory: "/srv/keyplane", environment: {} });
  if (!reading.ok) throw new Error("The config is not read");
  const { config } = reading;

  expect(config.model_list.map((entry) => createDeployment(config, entry).limits)).toEqual([
    { requests: 60, tokens: 0 },
    { parallel: 4 },
  ]);
});

test("the rate card of a deployment has the prices of its units, and one without has none", () => {
  const text = `model_list:
  - { model_name: a, litellm_params: { model: openai/dall-e-3, api_key: k, output_cost_per_image: 0.04 } }
  - { model_name: b, litellm_params: { model: openai/whisper-1, api_key: k } }
  - { model_name: c, litellm_params: { model: openai/gpt-5-mini, api_key: k } }
`;
  const reading = readConfig({ text, directory: "/srv/keyplane", environment: {} });
  if (!reading.ok) throw new Error("The config is not read");
  const { config } = reading;

  const [image, audio, chat] = config.model_list.map(
    (entry) => createDeployment(config, entry).rateCard,
  );

  expect(image).toMatchObject({ source: "config", rates: { units: { perImage: "40000000000" } } });
  expect(audio).toMatchObject({
    source: "genai-prices",
    rates: { units: { perSecond: "100000000" } },
  });
  expect(chat?.rates).not.toHaveProperty("units");
});

test("headers and organization of a deployment are sent; those that frame the body are the gateway's", async () => {
  await using gateway = await gatewayWith((url) => [
    {
      model_name: "gpt",
      api_base: `${url}/v1`,
      organization: "org-1",
      headers: {
        "X-Team": "blue",
        Authorization: "Token of-its-own",
        "Content-Length": "3",
        "Transfer-Encoding": "chunked",
        Host: "elsewhere",
      },
    },
  ]);

  expect((await gateway.chat(masterKey)).status).toBe(200);

  const { headers = {}, text = "" }: Partial<UpstreamCall> = gateway.upstream.calls[0] ?? {};
  expect(headers).toMatchObject({
    "x-team": "blue",
    authorization: "Token of-its-own",
    "openai-organization": "org-1",
  });
  expect(headers.host).toBe(new URL(gateway.upstream.url).host);
  expect(headers["content-length"]).toBe(String(Buffer.byteLength(text)));
  expect(headers["transfer-encoding"]).toBeUndefined();
});

test("nothing of the client's own headers reaches the upstream", async () => {
  await using gateway = await startGateway();
  const key = await gateway.generateKey();

  const body = { model: "gpt", messages: [{ role: "user", content: "Hi" }] };
  await gateway.request("POST", "/v1/chat/completions", {
    key,
    body,
    headers: { cookie: "session=1", "x-api-key": key },
  });

  expect(JSON.stringify(gateway.upstream.calls[0]?.headers)).not.toMatch(/sk-|session/);
});

const values: Readonly<Record<string, unknown>> = {
  n: 1,
  max_completion_tokens: 10,
  user: "u",
  stream_options: { include_usage: true },
};
const parameters = [
  "temperature",
  ...new Set(names.flatMap((name): readonly string[] => providers[name].unsupported)),
];

describe("what a provider takes", () => {
  let gateway: TestGateway;

  beforeAll(async () => {
    gateway = await gatewayWith((url) =>
      names.flatMap((name) => [
        { model_name: `dropping-${name}`, model: `${name}/m`, api_base: url, drop_params: true },
        { model_name: `passing-${name}`, model: `${name}/m`, api_base: url },
      ]),
    );
  });

  afterAll(async () => gateway?.[Symbol.asyncDispose]());

  /** What the upstream is asked by a call. */
  async function asked(fields: Record<string, unknown>): Promise<Record<string, unknown>> {
    const response = await gateway.chat(masterKey, fields);
    await response.text();
    expect(response.status).toBe(200);
    return gateway.upstream.calls.at(-1)?.body ?? {};
  }

  test.each(names)(
    "drop_params takes from a call to %s exactly what that provider does not take; without it all goes through",
    async (name) => {
      const { unsupported }: Provider = providers[name];
      const sent = Object.fromEntries(
        parameters.map((parameter) => [parameter, values[parameter] ?? "x"]),
      );
      const arrived = async (model: string) =>
        Object.keys(await asked({ model, ...sent })).filter(
          (field) => field !== "model" && field !== "messages",
        );

      expect(await arrived(`dropping-${name}`)).toEqual(
        parameters.filter((parameter) => !unsupported.includes(parameter)),
      );
      expect(await arrived(`passing-${name}`)).toEqual(parameters);
    },
  );

  test.each(names)(
    "%s is asked for a stream's usage unless it reports it unasked",
    async (name) => {
      const { usageUnasked }: Provider = providers[name];

      const { stream_options } = await asked({ model: `passing-${name}`, stream: true });

      expect(stream_options).toEqual(usageUnasked ? undefined : { include_usage: true });
    },
  );
});

test("the same model in two regions is two deployments", async () => {
  const entries = ["us-east-1", "eu-central-1"].map((aws_region_name) => ({
    model_name: "claude",
    litellm_params: { model: "bedrock/anthropic.claude-sonnet-4-5", aws_region_name },
  }));
  const reading = readConfig({
    text: configText({ model_list: entries }),
    directory: "/",
    environment: {},
  });
  if (!reading.ok) throw new Error("not a config");
  const { config } = reading;

  const ids = config.model_list.map((entry) => createDeployment(config, entry).id);

  expect(new Set(ids).size).toBe(2);
});
