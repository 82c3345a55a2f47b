import { describe, expect, test } from "vitest";
import { formatNote, readConfig } from "../config.ts";

function faultsOf(text: string): string[] {
  const reading = readConfig({ text, directory: "/srv/keyplane", environment: {} });
  return reading.ok ? [] : reading.faults.map((fault) => formatNote("c", fault));
}

const list = "model_list:\n  - model_name: a\n    litellm_params: { model: ollama/a }\n";

const malformed: Readonly<Record<string, readonly [text: string, ...faults: string[]]>> = {
  "an empty file": ["", "c:1:1: model_list is missing"],
  "a file of comments only": ["# nothing\n", "c:1:1: model_list is missing"],
  "a file that is text": ["hello\n", "c:1:1: The file must be a mapping, not text"],
  "a file that is a list": ["- a\n", "c:1:1: The file must be a mapping, not a list"],
  "a model_list with nothing in it": ["model_list:\n", "c:1:1: model_list has no value"],
  "an empty model_list": ["model_list: []\n", "c:1:13: model_list must not be empty"],
  "a misspelt section": [
    `${list}genral_settings: {}\n`,
    'c:4:1: Unknown key "genral_settings": did you mean "general_settings"?',
  ],
  "a misspelt key of an entry": [
    "model_list:\n  - modle_name: a\n    litellm_params: { model: ollama/a }\n",
    "c:2:5: model_list[0].model_name is missing",
    'c:2:5: Unknown key "modle_name" in model_list[0]: did you mean "model_name"?',
  ],
  "a misspelt setting that is not implemented": [
    `${list}general_settings:\n  alertin: [slack]\n`,
    'c:5:3: Unknown key "alertin" in general_settings: did you mean "alerting"? (which Keyplane does not support yet)',
  ],
  "a key in the wrong section": [
    `${list}litellm_settings:\n  master_key: generate\n`,
    'c:5:3: Unknown key "master_key" in litellm_settings: it belongs in general_settings',
  ],
  "a parameter that is indented too little": [
    "model_list:\n  - model_name: a\n    litellm_params:\n      model: ollama/a\n    api_base: http://127.0.0.1\n",
    'c:5:5: Unknown key "api_base" in model_list[0]: it belongs in litellm_params',
  ],
  "a section that is indented too much": [
    `${list}general_settings:\n  router_settings: {}\n`,
    'c:5:3: Unknown key "router_settings" in general_settings: it belongs in the top level of the file',
  ],
  "a key like no other": [
    `${list}general_settings:\n  zzzzzz: 1\n`,
    'c:5:3: Unknown key "zzzzzz" in general_settings',
  ],
  "a key of JavaScript's own": [
    `${list}general_settings:\n  constructor: 1\n`,
    'c:5:3: Unknown key "constructor" in general_settings',
  ],
  "two unknown keys in one mapping": [
    `${list}general_settings: { zzzzzz: 1, yyyyyy: 2 }\n`,
    'c:4:21: Unknown key "zzzzzz" in general_settings',
    'c:4:32: Unknown key "yyyyyy" in general_settings',
  ],
  "an entry without litellm_params": [
    "model_list:\n  - model_name: a\n",
    "c:2:5: model_list[0].litellm_params is missing",
  ],
  "an entry that is text": [
    "model_list:\n  - gpt-4\n",
    "c:2:5: model_list[0] must be a mapping, not text",
  ],
  "a number where text belongs": [
    `${list}general_settings:\n  master_key: 123456\n`,
    "c:5:15: general_settings.master_key must be text, not a number: put it in quotes",
  ],
  "a setting without a value": [
    `${list}general_settings:\n  master_key:\n`,
    "c:5:3: general_settings.master_key has no value",
  ],
  "a master key with a space": [
    `${list}general_settings:\n  master_key: sk-a b\n`,
    "c:5:15: general_settings.master_key must be one or more printable characters without spaces",
  ],
  "an empty master key": [
    `${list}general_settings:\n  master_key: ""\n`,
    "c:5:15: general_settings.master_key must be one or more printable characters without spaces",
  ],
  "text where a number belongs": [
    `${list}general_settings:\n  database_pool_size: many\n`,
    "c:5:23: general_settings.database_pool_size must be a number, not text",
  ],
  "half a connection": [
    `${list}general_settings:\n  database_pool_size: 2.5\n`,
    "c:5:23: general_settings.database_pool_size must be a whole number",
  ],
  "a flush interval that is too short": [
    `${list}general_settings:\n  flush_interval_ms: 10\n`,
    "c:5:22: general_settings.flush_interval_ms must be at least 50",
  ],
  "a flush interval that is too long": [
    `${list}general_settings:\n  flush_interval_ms: 1001\n`,
    "c:5:22: general_settings.flush_interval_ms must be at most 1000",
  ],
  "a timeout of nothing": [
    `${list}litellm_settings:\n  request_timeout: 0\n`,
    "c:5:20: litellm_settings.request_timeout must be above 0",
  ],
  "a flag that YAML 1.2 reads as text": [
    `${list}litellm_settings:\n  drop_params: yes\n`,
    "c:5:16: litellm_settings.drop_params must be true or false, not text",
  ],
  "a duration in an unknown unit": [
    `${list}litellm_settings:\n  default_key_generate_params:\n    duration: 3 fortnights\n`,
    'c:6:15: litellm_settings.default_key_generate_params.duration must be a duration such as "30m" or "30d", or "never"',
  ],
  "a time zone that is none": [
    `${list}general_settings:\n  time_zone: Europe/Nowhere\n`,
    'c:5:14: general_settings.time_zone must be an IANA time zone such as "Europe/Berlin", or "UTC"',
  ],
  "an offset for a time zone": [
    `${list}general_settings:\n  time_zone: "+01:00"\n`,
    'c:5:14: general_settings.time_zone must be an IANA time zone such as "Europe/Berlin", or "UTC"',
  ],
  "an abbreviation for a time zone": [
    `${list}general_settings:\n  time_zone: CET\n`,
    'c:5:14: general_settings.time_zone must be an IANA time zone such as "Europe/Berlin", or "UTC"',
  ],
  "a budget below zero": [
    `${list}litellm_settings:\n  default_key_generate_params:\n    max_budget: -1\n`,
    "c:6:17: litellm_settings.default_key_generate_params.max_budget must be at least 0",
  ],
  "a budget finer than money is": [
    `${list}litellm_settings:\n  default_key_generate_params:\n    max_budget: 1e-13\n`,
    "c:6:17: litellm_settings.default_key_generate_params.max_budget must be an amount of USD no finer than 1e-12",
  ],
  "a budget's period that is no duration": [
    `${list}litellm_settings:\n  default_key_generate_params:\n    budget_duration: monthly\n`,
    'c:6:22: litellm_settings.default_key_generate_params.budget_duration must be a duration such as "12h", "1d" or "1mo", of at most 1000 years',
  ],
  "a model's budget that is text": [
    `${list}litellm_settings:\n  default_key_generate_params:\n    model_max_budget: { a: much }\n`,
    "c:6:28: litellm_settings.default_key_generate_params.model_max_budget.a must be a mapping, not text",
  ],
  "a misspelt field of a model's budget": [
    `${list}litellm_settings:\n  default_key_generate_params:\n    model_max_budget: { a: { max_budget: 1, priod: 1d } }\n`,
    'c:6:45: Unknown key "priod" in litellm_settings.default_key_generate_params.model_max_budget.a',
  ],
  "half a call at once for a deployment": [
    "model_list:\n  - model_name: a\n    litellm_params: { model: ollama/a, max_parallel_requests: 0.5 }\n",
    "c:3:63: model_list[0].litellm_params.max_parallel_requests must be a whole number",
  ],
  "tokens in a minute below zero": [
    "model_list:\n  - model_name: a\n    litellm_params: { model: ollama/a, tpm: -1 }\n",
    "c:3:45: model_list[0].litellm_params.tpm must be at least 0",
  ],
  "a failure of Redis that is none": [
    `${list}general_settings:\n  redis_failure: open\n`,
    'c:5:18: general_settings.redis_failure must be one of "fail_open", "fail_closed"',
  ],
  "half a request in a minute": [
    `${list}litellm_settings:\n  default_key_generate_params:\n    rpm_limit: 0.5\n`,
    "c:6:16: litellm_settings.default_key_generate_params.rpm_limit must be a whole number",
  ],
  "an address that is none": [
    "model_list:\n  - model_name: a\n    litellm_params: { model: ollama/a, api_base: localhost:11434 }\n",
    "c:3:50: model_list[0].litellm_params.api_base must be an http or https URL",
  ],
  "a weight below zero": [
    "model_list:\n  - model_name: a\n    litellm_params: { model: ollama/a, weight: -1 }\n",
    "c:3:48: model_list[0].litellm_params.weight must be at least 0",
  ],
  "a header name that cannot be sent": [
    'model_list:\n  - model_name: a\n    litellm_params: { model: ollama/a, headers: { "a b": c } }\n',
    "c:3:58: model_list[0].litellm_params.headers.a b must be the name of a header",
  ],
  "a header value with a line break": [
    'model_list:\n  - model_name: a\n    litellm_params: { model: ollama/a, headers: { a: "b\\nc" } }\n',
    "c:3:54: model_list[0].litellm_params.headers.a must be text that a header can carry",
  ],
  "an unknown mode": [
    `${list}    model_info: { mode: chatting }\n`,
    'c:4:25: model_list[0].model_info.mode must be one of "chat", "completion", "responses", "embedding", "image_generation", "audio_speech", "audio_transcription", "moderation", "rerank"',
  ],
  "the same id twice": [
    "model_list:\n  - &a { model_name: a, litellm_params: { model: ollama/a }, model_info: { id: one } }\n  - model_name: b\n    litellm_params: { model: ollama/b }\n    model_info: { id: one }\n",
    'c:5:23: model_list[1].model_info.id "one" is that of model_list[0] already',
  ],
  "an unknown provider that is a slip": [
    "model_list:\n  - model_name: a\n    litellm_params: { model: opnai/gpt-4o }\n",
    'c:3:30: Cannot use "opnai/gpt-4o": provider "opnai" is unknown; did you mean "openai/gpt-4o"?',
  ],
  "a model without its provider": [
    "model_list:\n  - model_name: a\n    litellm_params: { model: NousResearch/Hermes }\n",
    'c:3:30: Cannot use "NousResearch/Hermes": provider "NousResearch" is unknown; write the provider first, as in "openai/NousResearch/Hermes"',
  ],
  "a provider without a model": [
    "model_list:\n  - model_name: a\n    litellm_params: { model: ollama/ }\n",
    'c:3:30: "ollama/" names a provider but no model',
  ],
  "Azure without an address": [
    "model_list:\n  - model_name: a\n    litellm_params: { model: azure/a, api_key: k }\n",
    'c:3:30: "azure/a" needs an api_base: provider "azure" has no address of its own',
  ],
  "an alias that leads nowhere": [
    `${list}router_settings:\n  model_group_alias: { b: "" }\n`,
    "c:5:27: router_settings.model_group_alias.b must not be empty",
  ],
};

test.each(Object.entries(malformed))("%s is refused at its place", (_name, [text, ...faults]) => {
  expect(faultsOf(text)).toEqual(faults);
});

describe("text that is not YAML", () => {
  test.each([
    [
      "a key that stands twice",
      "model_list: []\nmodel_list: []\n",
      "c:2:1: This key stands twice in the same mapping",
    ],
    [
      "an anchor that is nowhere",
      "model_list: *none\n",
      "c:1:13: This alias names no anchor, or the value that it stands in",
    ],
    [
      "an anchor within itself",
      "model_list: &a [*a]\n",
      "c:1:17: This alias names no anchor, or the value that it stands in",
    ],
    [
      "a second document",
      `${list}---\nmodel_list: []\n`,
      "c:4:1: The file holds more than one document",
    ],
    ["a tag that nobody knows", "model_list: !vault a\n", "c:1:13: This tag is not known"],
    [
      "an indentation that fits nothing",
      "general_settings:\n   a: 1\n  b: 2\n",
      "c:3:1: The indentation does not match the lines around it",
    ],
  ])("%s is refused at its place", (_name, text, fault) => {
    expect(faultsOf(text)).toContain(fault);
  });

  test("all of it is told at once", () => {
    expect(faultsOf("a: 1\na: 2\nb: 1\nb: 2\n")).toHaveLength(2);
  });
});

test("faults of every part of the file are told at once and in its order", () => {
  const text =
    "general_settings:\n  master_key: os.environ/NONE\n  flush_interval_ms: 1\nmodel_list:\n  - model_name: a\n    litellm_params: { model: opnai/a }\n  - model_nam: b\n    litellm_params: { model: ollama/b }\n";

  expect(faultsOf(text).map((fault) => fault.split(":")[1])).toEqual(["2", "3", "6", "7", "7"]);
});

test.each([
  ["a bad type", "general_settings: { master_key: [sk-secret], database_url: { a: sk-secret } }"],
  ["characters a key cannot have", 'general_settings: { master_key: "sk-secret sk-secret" }'],
  [
    "an address that is none",
    "model_list: [{ model_name: a, litellm_params: { model: ollama/a, api_base: 'user:sk-secret@host' } }]",
  ],
  ["a missing quote", 'general_settings:\n  master_key: "sk-secret\n'],
  ["text after a quote", 'general_settings:\n  master_key: "a" sk-secret\n'],
  ["a block scalar's head", "general_settings:\n  master_key: |sk-secret\n"],
  ["an escape", 'general_settings:\n  master_key: "\\Usk-secret"\n'],
  ["a tag", "general_settings:\n  master_key: !sk-secret a\n"],
  ["an alias", "general_settings:\n  master_key: *sk-secret\n"],
  ["a bracket", "general_settings:\n  master_key: ]sk-secret\n"],
])("no fault repeats a secret: %s", (_name, text) => {
  const faults = faultsOf(text);

  expect(faults).not.toEqual([]);
  expect(faults.join("\n")).not.toContain("secret");
});
