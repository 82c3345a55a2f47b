import { expect, test } from "vitest";
import { readConfig } from "../config.ts";

function readEntry(parameters: string, environment: Record<string, string> = {}) {
  const text = `model_list:\n  - model_name: a\n    litellm_params: { ${parameters} }\n`;
  const reading = readConfig({ text, directory: "/srv/keyplane", environment });
  const entry = reading.ok ? reading.config.model_list[0] : undefined;
  return {
    entry,
    key: entry?.litellm_params.api_key,
    unavailable: entry?.unavailable,
    warnings: reading.warnings,
  };
}

test("a key that the file gives is used", () => {
  expect(
    readEntry("model: gpt-4o, api_key: sk-file", { OPENAI_API_KEY: "sk-environment" }),
  ).toMatchObject({ key: "sk-file", unavailable: undefined });
});

test("without a key in the file the provider's own variable is read", () => {
  expect(readEntry("model: groq/a", { GROQ_API_KEY: "gsk-1" })).toMatchObject({
    key: "gsk-1",
    unavailable: undefined,
  });
});

test.each([
  ["model: gpt-4o", "OPENAI_API_KEY is not set"],
  ["model: openrouter/a/b", "OPENROUTER_API_KEY is not set"],
  ["model: gpt-4o, api_key: os.environ/MY_KEY", "MY_KEY is not set"],
  ["model: ollama/a, api_base: os.environ/MY_BASE", "MY_BASE is not set"],
  ["model: os.environ/MY_MODEL", "MY_MODEL is not set"],
  ["model: ollama/a, headers: { authorization: os.environ/MY_TOKEN }", "MY_TOKEN is not set"],
  ["model: azure/a, api_base: os.environ/MY_BASE", "MY_BASE is not set"],
  ["model: azure/a, api_base: https://a.openai.azure.com", "AZURE_API_KEY is not set"],
])(
  "{ %s } without its variable is out of use, with the reason, and nothing else is",
  (parameters, reason) => {
    const { unavailable, warnings, entry } = readEntry(parameters);

    expect(unavailable).toBe(reason);
    expect(warnings).toEqual([]);
    expect(entry?.litellm_params.api_key).toBeUndefined();
    expect(
      readEntry(parameters, {
        OPENAI_API_KEY: "",
        OPENROUTER_API_KEY: "",
        MY_KEY: "",
        MY_BASE: "",
        MY_MODEL: "",
        MY_TOKEN: "",
      }).unavailable,
    ).toBe(reason);
  },
);

test.each([
  "model: openai/a, api_base: http://127.0.0.1:8080/v1",
  "model: ollama/a",
  "model: hosted_vllm/a, api_base: http://127.0.0.1:8000",
  "model: custom_openai/a, api_base: http://127.0.0.1:8000",
])("{ %s } needs no key", (parameters) => {
  expect(readEntry(parameters)).toMatchObject({ key: undefined, unavailable: undefined });
});

test("a mock response needs neither a key nor an address", () => {
  expect(readEntry("model: gpt-4o, mock_response: hello").unavailable).toBeUndefined();
  expect(readEntry("model: azure/a, mock_response: hello")).toMatchObject({
    unavailable: undefined,
    warnings: [],
  });
});

test.each(["watsonx/a.b", "replicate/a/b", "ollama_chat/llama3"])(
  "a provider that is only known elsewhere is out of use, with a warning: %s",
  (model) => {
    const provider = model.split("/")[0];
    const { unavailable, warnings } = readEntry(`model: ${model}`);

    expect(unavailable).toBe(`provider "${provider}" is not supported yet`);
    expect(warnings).toEqual([
      {
        line: 3,
        column: 30,
        path: "model_list[0].litellm_params.model",
        message: `Cannot call "${model}": provider "${provider}" is not supported yet`,
      },
    ]);
  },
);

test("a variable that holds what no header can carry puts its deployment out of use", () => {
  expect(readEntry("model: gpt-4o", { OPENAI_API_KEY: "sk-secret\n" }).unavailable).toBe(
    "OPENAI_API_KEY holds a space, a line break or another character that no key has",
  );
});

test("a parameter that says where a call goes, and is not implemented, puts its deployment out of use", () => {
  const { unavailable, warnings } = readEntry("model: gpt-4o, base_url: http://10.0.0.1", {
    OPENAI_API_KEY: "sk-1",
  });

  expect(unavailable).toBe("base_url is not supported yet");
  expect(warnings.map(({ message }) => message)).toEqual([
    'Keyplane does not support model_list[0].litellm_params.base_url yet: this model is unavailable; write "api_base" instead',
  ]);
});

test("wildcards load", () => {
  expect(readEntry("model: openai/*", { OPENAI_API_KEY: "sk-1" })).toMatchObject({
    key: "sk-1",
    unavailable: undefined,
  });
});
