import { expect, test } from "vitest";
import { formatNote, readConfig } from "../config.ts";
import type { Level } from "./levels.ts";
import { fileLevel } from "./levels.ts";

function read(text: string) {
  return readConfig({ text, directory: "/srv/keyplane", environment: {} });
}

test("what is not implemented is a warning that names it at its place, and says what is not enforced", () => {
  const text = `model_list:
  - model_name: a
    litellm_params:
      model: ollama/a
      temperature: 0.2
      itpm: 10
      input_cost_per_pixel: 0.1
    model_info:
      supports_vision: true
      mode: realtime
      access_groups: [beta]
general_settings:
  alerting: [slack]
  allowed_ips: [10.0.0.1]
  enforce_rbac: true
  proxy_base_url: os.environ/NONE
litellm_settings:
  callbacks: [langfuse]
  max_budget: 10
  default_key_generate_params: { guardrails: [], user_id: u }
  upperbound_key_generate_params: { max_budget: 5 }
router_settings:
  routing_strategy: simple-shuffle
guardrails: []
mcp_servers: {}
`;
  const reading = read(text);

  expect(reading.ok).toBe(true);
  expect(
    reading.warnings.map((warning) =>
      formatNote("c", warning).replace("Keyplane does not support ", ""),
    ),
  ).toEqual([
    "c:5:7: model_list[0].litellm_params.temperature yet: it is ignored",
    "c:6:7: model_list[0].litellm_params.itpm yet: it is ignored and NOT enforced",
    "c:7:7: model_list[0].litellm_params.input_cost_per_pixel yet: it is ignored and calls are NOT charged by it",
    "c:9:7: model_list[0].model_info.supports_vision yet: it is ignored",
    'c:10:13: model_list[0].model_info.mode "realtime" yet: it is ignored',
    "c:11:7: model_list[0].model_info.access_groups yet: it is ignored and NOT enforced",
    "c:13:3: general_settings.alerting yet: it is ignored",
    "c:14:3: general_settings.allowed_ips yet: it is ignored and NOT enforced",
    "c:15:3: general_settings.enforce_rbac yet: it is ignored and NOT enforced",
    "c:16:3: general_settings.proxy_base_url yet: it is ignored",
    "c:18:3: litellm_settings.callbacks yet: it is ignored",
    "c:19:3: litellm_settings.max_budget yet: it is ignored and NOT enforced",
    "c:20:34: litellm_settings.default_key_generate_params.guardrails yet: it is ignored and NOT enforced",
    "c:20:50: litellm_settings.default_key_generate_params.user_id yet: it is ignored",
    "c:21:3: litellm_settings.upperbound_key_generate_params yet: it is ignored and NOT enforced",
    "c:23:3: router_settings.routing_strategy yet: it is ignored",
    "c:24:1: guardrails yet: it is ignored and NOT enforced",
    "c:25:1: mcp_servers yet: it is ignored",
  ]);
  expect(reading).toMatchObject({
    config: { model_list: [{ litellm_params: { model: "ollama/a" }, unavailable: undefined }] },
  });
});

test("a setting within an anchor is warned about in each place where it is used", () => {
  const text = `model_list:
  - { model_name: a, litellm_params: &shared { model: ollama/a, itpm: 1 } }
  - { model_name: b, litellm_params: *shared }
`;

  expect(read(text).warnings.map(({ path }) => path)).toEqual([
    "model_list[0].litellm_params.itpm",
    "model_list[1].litellm_params.itpm",
  ]);
});

test("no setting is both implemented and lacking, nor lacking in two ways", () => {
  const levels = (level: Level): Level[] => [level, ...Object.values(level.within).flatMap(levels)];

  for (const { keys, lacks } of levels(fileLevel)) {
    const all = [...keys, ...Object.values(lacks).flat()];
    expect(all.filter((name, index) => all.indexOf(name) !== index)).toEqual([]);
  }
});
