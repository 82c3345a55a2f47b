import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, expectTypeOf, test } from "vitest";
import type { Config } from "../shared/config.ts";
import { formatNote, loadConfig, readConfig } from "./config.ts";

function read(text: string, environment: Record<string, string> = {}) {
  return readConfig({ text, directory: "/srv/keyplane", environment });
}

function accept(text: string, environment: Record<string, string> = {}) {
  const reading = read(text, environment);
  if (!reading.ok)
    throw new Error(reading.faults.map((fault) => formatNote("config.yaml", fault)).join("\n"));
  return reading;
}

const smallest =
  "model_list: [{ model_name: a, litellm_params: { model: openai/a, mock_response: hello } }]\n";

describe("the samples of the documentation that this was asked for with", () => {
  test("the quick start loads, its placeholder of a database address included", () => {
    const { config, warnings } = accept(
      [
        "model_list:",
        "  - model_name: gpt-4",
        "    litellm_params:",
        "        model: ollama/llama2",
        "  - model_name: gpt-3.5-turbo",
        "    litellm_params:",
        "        model: ollama/llama2",
        "",
        "general_settings: ",
        "  master_key: sk-1234 # [OPTIONAL] if set all calls to proxy will require either this key or a valid generated token",
        '  database_url: "postgresql://<user>:<password>@<host>:<port>/<dbname>"',
        "",
      ].join("\n"),
    );

    expect(config.general_settings).toMatchObject({
      master_key: "sk-1234",
      database_url: "postgresql://<user>:<password>@<host>:<port>/<dbname>",
    });
    expect(
      config.model_list.map(({ model_name, unavailable }) => [model_name, unavailable]),
    ).toEqual([
      ["gpt-4", undefined],
      ["gpt-3.5-turbo", undefined],
    ]);
    expect(warnings.map(({ line, column, path }) => [line, column, path])).toEqual([
      [10, 15, "general_settings.master_key"],
    ]);
  });

  test("the model group loads although a tab stands in its indentation", () => {
    const { config, warnings } = accept(
      [
        "model_list:",
        "  - model_name: my-free-tier",
        "    litellm_params:",
        "        model: huggingface/HuggingFaceH4/zephyr-7b-beta",
        "        api_base: http://0.0.0.0:8001",
        "  - model_name: my-free-tier",
        "    litellm_params:",
        "        model: huggingface/HuggingFaceH4/zephyr-7b-beta",
        "        api_base: http://0.0.0.0:8002",
        "  - model_name: my-free-tier",
        "    litellm_params:",
        "        model: huggingface/HuggingFaceH4/zephyr-7b-beta",
        "        api_base: http://0.0.0.0:8003",
        "\t- model_name: my-paid-tier",
        "    litellm_params:",
        "        model: gpt-4",
        "        api_key: my-api-key",
        "",
      ].join("\n"),
    );

    expect(
      config.model_list.map(
        ({ model_name, litellm_params: { model, api_base, api_key }, unavailable }) => [
          model_name,
          model,
          api_base,
          api_key,
          unavailable,
        ],
      ),
    ).toEqual([
      [
        "my-free-tier",
        "huggingface/HuggingFaceH4/zephyr-7b-beta",
        "http://0.0.0.0:8001",
        undefined,
        undefined,
      ],
      [
        "my-free-tier",
        "huggingface/HuggingFaceH4/zephyr-7b-beta",
        "http://0.0.0.0:8002",
        undefined,
        undefined,
      ],
      [
        "my-free-tier",
        "huggingface/HuggingFaceH4/zephyr-7b-beta",
        "http://0.0.0.0:8003",
        undefined,
        undefined,
      ],
      ["my-paid-tier", "gpt-4", undefined, "my-api-key", undefined],
    ]);
    expect(warnings).toEqual([
      { line: 14, column: 1, path: "", message: "A tab in the indentation is read as two spaces" },
    ]);
  });

  test("custom auth loads, with Python's way of writing true", () => {
    const { config, warnings } = accept(
      [
        "model_list: ",
        '  - model_name: "openai-model"',
        "    litellm_params: ",
        '      model: "gpt-3.5-turbo"',
        "",
        "litellm_settings:",
        "  drop_params: True",
        "  set_verbose: True",
        "",
        "general_settings:",
        "  custom_auth: custom_auth.user_api_key_auth",
        "",
      ].join("\n"),
      { OPENAI_API_KEY: "sk-upstream" },
    );

    expect(config.litellm_settings).toMatchObject({ drop_params: true, set_verbose: true });
    expect(config.general_settings.custom_auth).toBe("custom_auth.user_api_key_auth");
    expect(config.directory).toBe("/srv/keyplane");
    expect(config.model_list[0]?.litellm_params.api_key).toBe("sk-upstream");
    expect(warnings).toEqual([]);
  });
});

describe("the shipped config.yaml", () => {
  const shipped = new URL("../config.yaml", import.meta.url).pathname;

  test("loads without a fault or a warning, and answers one model with no account anywhere", async () => {
    const reading = await loadConfig(shipped, {});

    expect(reading).toMatchObject({
      ok: true,
      warnings: [],
      config: { general_settings: { master_key: "generate" } },
    });
    const available = reading.ok
      ? reading.config.model_list.filter(({ unavailable }) => unavailable === undefined)
      : [];
    expect(available.map(({ model_name }) => model_name)).toEqual(["mock", "llama3.2"]);
  });

  test("offers every model when the keys are set", async () => {
    const environment = {
      OPENAI_API_KEY: "sk-openai",
      OPENROUTER_API_KEY: "sk-openrouter",
      GROQ_API_KEY: "gsk-groq",
      ANTHROPIC_API_KEY: "sk-ant",
      GEMINI_API_KEY: "AIza",
    };
    const reading = await loadConfig(shipped, environment);

    expect(reading.ok && reading.config.model_list.map(({ unavailable }) => unavailable)).toEqual(
      Array.from({ length: 8 }),
    );
  });
});

test("settings that the file leaves out have their defaults", () => {
  const { config } = accept(smallest);

  expect(config).toEqual({
    model_list: [
      {
        model_name: "a",
        litellm_params: { model: "openai/a", mock_response: "hello" },
        model_info: {},
        unavailable: undefined,
      },
    ],
    general_settings: {
      flush_interval_ms: 500,
      max_key_staleness_s: 600,
      max_request_size_mb: 32,
      return_upstream_model: false,
      stream_keep_alive_s: 15,
      budget_enforcement: "default",
      budget_exceeded_status: 429,
      allowance_ttl_s: 600,
      journal_fsync: "off",
      journal_max_mb: 1024,
      journal_full: "refuse",
      database_pool_size: 10,
      database_prepare: true,
      redis_failure: "fail_open",
      limits: "shared",
      time_zone: "UTC",
    },
    litellm_settings: {
      drop_params: false,
      set_verbose: false,
      request_timeout: 600,
      default_key_generate_params: {},
      model_alias_map: {},
    },
    router_settings: { model_group_alias: {} },
    environment_variables: {},
    directory: "/srv/keyplane",
  });
});

test("a section whose lines are all commented out counts as absent", () => {
  expect(
    accept(`${smallest}general_settings:\n  # master_key: generate\nrouter_settings:\n`).config
      .router_settings,
  ).toEqual({ model_group_alias: {} });
});

test("a config cannot be changed, however deep", () => {
  const { config } = accept(smallest);
  const list: unknown = config.model_list;

  expect(() => (list as unknown[]).pop()).toThrow(TypeError);
  expect(() =>
    Object.assign(config.model_list[0]?.litellm_params ?? {}, { model: "other" }),
  ).toThrow(TypeError);
  expect(() => Object.assign(config.general_settings, { database_prepare: false })).toThrow(
    TypeError,
  );
  expectTypeOf<Config["model_list"]>().not.toHaveProperty("push");
});

test("prices are read from litellm_params and from model_info, in any way that YAML writes a number", () => {
  const { config } = accept(`model_list:
  - model_name: a
    litellm_params: { model: ollama/a, input_cost_per_token: 3e-05, input_cost_per_request: 0 }
    model_info: { id: 7, output_cost_per_token: 0.00006, base_model: gpt-4o, mode: chat, max_tokens: 4096 }
`);

  expect(config.model_list[0]).toMatchObject({
    litellm_params: { input_cost_per_token: 0.00003, input_cost_per_request: 0 },
    model_info: {
      id: "7",
      output_cost_per_token: 0.00006,
      base_model: "gpt-4o",
      mode: "chat",
      max_tokens: 4096,
    },
  });
});

test.each(["30d", "never"])("the default duration of keys may be %s", (duration) => {
  const { config } = accept(
    `${smallest}litellm_settings: { default_key_generate_params: { duration: ${duration} } }\n`,
  );

  expect(config.litellm_settings.default_key_generate_params.duration).toBe(duration);
});

test("keys may have budgets and limits by default, also from the environment", () => {
  const { config } = accept(
    `${smallest}litellm_settings:
  default_key_generate_params:
    max_budget: os.environ/CAP
    soft_budget: 1.5
    budget_duration: 1mo
    budget_limits: [{ max_budget: 1, budget_duration: 1d }]
    model_max_budget: { gpt: 2, small: { budget_limit: 3, time_period: 7d } }
    rpm_limit: os.environ/RPM
    tpm_limit: 0
    max_parallel_requests: 3
    model_rpm_limit: { gpt: 4 }
    model_tpm_limit: { gpt: 5 }
`,
    { CAP: "0.1", RPM: "60" },
  );

  expect(config.litellm_settings.default_key_generate_params).toEqual({
    max_budget: 0.1,
    soft_budget: 1.5,
    budget_duration: "1mo",
    budget_limits: [{ max_budget: 1, budget_duration: "1d" }],
    model_max_budget: {
      gpt: { max_budget: 2, budget_duration: null },
      small: { max_budget: 3, budget_duration: "7d" },
    },
    rpm_limit: 60,
    tpm_limit: 0,
    max_parallel_requests: 3,
    model_rpm_limit: { gpt: 4 },
    model_tpm_limit: { gpt: 5 },
  });
});

test("deployments may have limits, and replicas a Redis to count them in, also from the environment", () => {
  const { config, warnings } = accept(
    `model_list:
  - model_name: a
    litellm_params: { model: ollama/a, rpm: os.environ/RPM, tpm: 100000, max_parallel_requests: 0 }
general_settings:
  redis_url: os.environ/REDIS
  redis_failure: fail_closed
  limits: per_replica
`,
    { RPM: "60", REDIS: "redis://:secret@cache:6379" },
  );

  expect(config.model_list[0]?.litellm_params).toMatchObject({
    rpm: 60,
    tpm: 100_000,
    max_parallel_requests: 0,
  });
  expect(config.general_settings).toMatchObject({
    redis_url: "redis://:secret@cache:6379",
    redis_failure: "fail_closed",
    limits: "per_replica",
  });
  expect(warnings).toEqual([]);
});

test.each(["UTC", "Europe/Berlin", "America/Argentina/Buenos_Aires"])(
  "the time zone may be %s",
  (zone) => {
    const { config } = accept(`${smallest}general_settings: { time_zone: ${zone} }\n`);

    expect(config.general_settings.time_zone).toBe(zone);
  },
);

test("a master key that is easily guessed is a warning that does not repeat it", () => {
  const { warnings } = accept(`${smallest}general_settings: { master_key: sk-1234 }\n`);

  expect(warnings.map((warning) => formatNote("config.yaml", warning))).toEqual([
    "config.yaml:2:33: general_settings.master_key is shorter than 16 characters: whoever guesses it is the admin",
  ]);
  expect(
    accept(`${smallest}general_settings: { master_key: sk-1234567890123 }\n`).warnings,
  ).toEqual([]);
});

test("a file that is not there, and a folder, are faults", async () => {
  const folder = await mkdtemp(join(tmpdir(), "keyplane-config-"));
  try {
    expect(await loadConfig(join(folder, "none.yaml"), {})).toMatchObject({
      ok: false,
      faults: [{ line: 1, column: 1, message: "Cannot read the config: there is no such file" }],
    });
    expect(await loadConfig(folder, {})).toMatchObject({
      ok: false,
      faults: [{ message: "Cannot read the config: it is a folder" }],
    });
  } finally {
    await rm(folder, { recursive: true });
  }
});

test("a file is read from disk with its own folder as the directory", async () => {
  const folder = await mkdtemp(join(tmpdir(), "keyplane-config-"));
  try {
    await writeFile(join(folder, "config.yaml"), smallest);
    expect(await loadConfig(join(folder, "config.yaml"), {})).toMatchObject({
      ok: true,
      config: { directory: folder },
    });
  } finally {
    await rm(folder, { recursive: true });
  }
});
