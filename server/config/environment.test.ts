import { expect, test } from "vitest";
import { formatNote, readConfig } from "../config.ts";

function read(text: string, environment: Record<string, string> = {}) {
  return readConfig({ text, directory: "/srv/keyplane", environment });
}

function faultsOf(text: string, environment: Record<string, string> = {}): string[] {
  const reading = read(text, environment);
  return reading.ok ? [] : reading.faults.map((fault) => formatNote("c", fault));
}

const list = "model_list: [{ model_name: a, litellm_params: { model: ollama/a } }]\n";

test.each(["master_key", "database_url", "redis_url", "custom_auth", "database_pool_size"])(
  "%s that reads a variable which is not set is a fault, never absent",
  (key) => {
    const fault = `c:2:${key.length + 23}: general_settings.${key} reads os.environ/NONE, but NONE is not set`;

    expect(faultsOf(`${list}general_settings: { ${key}: os.environ/NONE }\n`)).toEqual([fault]);
    expect(
      faultsOf(`${list}general_settings: { ${key}: os.environ/NONE }\n`, { NONE: "" }),
    ).toEqual([fault]);
  },
);

test("a reference is replaced wherever it is the whole value", () => {
  const environment = {
    MASTER: "sk-0123456789abcdef",
    POOL: "25",
    PREPARE: "False",
    TARGET: "a",
    TOKEN: "Bearer t",
  };
  const text = `model_list:
  - model_name: a
    litellm_params: { model: ollama/a, headers: { authorization: os.environ/TOKEN, x-note: see os.environ/TOKEN } }
general_settings: { master_key: os.environ/MASTER, database_pool_size: os.environ/POOL, database_prepare: os.environ/PREPARE }
router_settings: { model_group_alias: { b: os.environ/TARGET } }
`;

  expect(read(text, environment)).toMatchObject({
    ok: true,
    warnings: [],
    config: {
      model_list: [
        {
          litellm_params: {
            headers: { authorization: "Bearer t", "x-note": "see os.environ/TOKEN" },
          },
        },
      ],
      general_settings: {
        master_key: "sk-0123456789abcdef",
        database_pool_size: 25,
        database_prepare: false,
      },
      router_settings: { model_group_alias: { b: "a" } },
    },
  });
});

test("a value of the environment that does not fit is a fault that does not repeat it", () => {
  expect(
    faultsOf(`${list}general_settings: { master_key: os.environ/KEY }\n`, { KEY: "sk-secret\n" }),
  ).toEqual([
    "c:2:33: general_settings.master_key must be one or more printable characters without spaces",
  ]);
});

test("environment_variables are read by references and by providers, before the environment of the process", () => {
  const text = `environment_variables: { TARGET: http://127.0.0.1:1, OPENAI_API_KEY: os.environ/REAL, COUNT: 3 }
model_list:
  - { model_name: a, litellm_params: { model: ollama/a, api_base: os.environ/TARGET, weight: os.environ/COUNT } }
  - { model_name: b, litellm_params: { model: gpt-4o } }
`;

  expect(read(text, { TARGET: "http://127.0.0.1:2", REAL: "sk-real" })).toMatchObject({
    ok: true,
    config: {
      environment_variables: {
        TARGET: "http://127.0.0.1:1",
        OPENAI_API_KEY: "sk-real",
        COUNT: "3",
      },
      model_list: [
        { litellm_params: { api_base: "http://127.0.0.1:1", weight: 3 } },
        { litellm_params: { api_key: "sk-real" }, unavailable: undefined },
      ],
    },
  });
});

test("an entry of environment_variables whose own reference is not set is left out with a warning", () => {
  const reading = read(
    `environment_variables: { OPENAI_API_KEY: os.environ/REAL }\nmodel_list: [{ model_name: b, litellm_params: { model: gpt-4o } }]\n`,
  );

  expect(reading).toMatchObject({
    ok: true,
    config: {
      environment_variables: {},
      model_list: [{ unavailable: "OPENAI_API_KEY is not set" }],
    },
  });
  expect(reading.warnings.map(({ message }) => message)).toEqual([
    "environment_variables.OPENAI_API_KEY reads os.environ/REAL, but REAL is not set",
  ]);
});

test("master_key: generate takes KEYPLANE_MASTER_KEY where it is set, and stays as it is where it is not", () => {
  const text = `${list}general_settings: { master_key: generate }\n`;

  expect(read(text, { KEYPLANE_MASTER_KEY: "sk-0123456789abcdef" })).toMatchObject({
    ok: true,
    warnings: [],
    config: { general_settings: { master_key: "sk-0123456789abcdef" } },
  });
  expect(read(text, { KEYPLANE_MASTER_KEY: "" })).toMatchObject({
    ok: true,
    warnings: [],
    config: { general_settings: { master_key: "generate" } },
  });
  expect(read(text, { KEYPLANE_MASTER_KEY: "short" }).warnings).toHaveLength(1);
  expect(read(text, { KEYPLANE_MASTER_KEY: "two words" }).ok).toBe(false);
});

test("a name that every JavaScript object has is not taken for a variable", () => {
  expect(
    faultsOf(`${list}general_settings: { master_key: os.environ/constructor }\n`),
  ).toHaveLength(1);
});
