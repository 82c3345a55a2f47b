import { expect, test } from "vitest";
import { formatNote, readConfig } from "../config.ts";

function notesOn(filesModel: string, ...entries: string[]) {
  const text = [
    "general_settings:",
    `  files_model: ${filesModel}`,
    "model_list:",
    ...entries.map((entry) => `  - ${entry}`),
  ].join("\n");
  const reading = readConfig({ text, directory: "/srv/keyplane", environment: {} });
  return {
    faults: reading.ok ? [] : reading.faults.map((note) => formatNote("c", note)),
    warnings: reading.warnings.map((note) => formatNote("c", note)),
  };
}

const entry = (name: string, parameters: string) =>
  `{ model_name: "${name}", litellm_params: { ${parameters} } }`;

const account = entry("gpt", "model: openai/a, api_key: k");

test.each<[string, ...string[]]>([
  ["gpt", account],
  ["gpt", account, entry("other", "model: openai/a, api_key: l")],
  // Two models of one account, and what is no account beside it.
  ["gpt", account, entry("gpt", "model: openai/b, api_key: k")],
  ["gpt", entry("gpt", "model: openai/a, mock_response: Hi"), account],
  ["gpt", entry("gpt", "model: anthropic/a, api_key: k"), account],
  ["openai/gpt", entry("openai/*", "model: openai/*, api_key: k")],
  [
    "gpt",
    entry("gpt", "model: azure/a, api_key: k, api_base: https://a.openai.azure.com/openai/v1"),
  ],
])("nothing is to be said of files_model %s where it names one account", (name, ...entries) => {
  expect(notesOn(name, ...entries)).toEqual({ faults: [], warnings: [] });
});

test.each([
  ["gtp", account, ': did you mean "gpt"?'],
  ["something-else", account, ""],
  ["azure/gpt", entry("openai/*", "model: openai/*, api_key: k"), ""],
])("a files_model that names no model is refused at its place: %s", (name, list, advice) => {
  expect(notesOn(name, list).faults).toEqual([
    `c:2:16: general_settings.files_model is "${name}", which model_list lacks${advice}`,
  ]);
});

const shape = "which has no upstream that is shaped like OpenAI and keeps files";
const several = "which has several upstream accounts: files and batches are kept at that of";

test.each<[string, string, ...string[]]>([
  ["a mock", shape, entry("gpt", "model: openai/a, mock_response: Hi")],
  ["a format of its own", shape, entry("gpt", "model: anthropic/a, api_key: k")],
  [
    "an address of one model at Azure",
    shape,
    entry("gpt", "model: azure/a, api_key: k, api_base: https://a.openai.azure.com"),
  ],
  [
    "no key",
    "whose upstream cannot be called: OPENAI_API_KEY is not set",
    entry("gpt", "model: openai/a"),
  ],
  [
    "two keys",
    `${several} model_list[0] alone`,
    account,
    entry("gpt", "model: openai/a, api_key: l"),
  ],
  [
    "two addresses",
    `${several} model_list[0] alone`,
    account,
    entry("gpt", "model: openai/a, api_key: k, api_base: http://127.0.0.1:8080/v1"),
  ],
  [
    "a first account without its key",
    `${several} model_list[1] alone`,
    entry("gpt", "model: openai/a"),
    account,
  ],
])("a files_model whose group has %s is told of at its place", (_what, told, ...entries) => {
  expect(notesOn("gpt", ...entries)).toEqual({
    faults: [],
    warnings: [`c:2:16: general_settings.files_model is "gpt", ${told}`],
  });
});
