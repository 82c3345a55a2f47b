import { expect, test } from "vitest";
import { readConfig } from "../config.ts";
import { createDeployment } from "../providers/deployment.ts";
import { configText } from "../testing/gateway.ts";
import { boundOf } from "./bound.ts";
import { endpoints } from "./endpoints.ts";

const model_info = { max_input_tokens: 1_000, max_output_tokens: 100 };

function needOf(model: string, tools: readonly object[] = []) {
  const text = configText({
    model_list: [{ model_name: "m", litellm_params: { model, api_key: "sk-test" }, model_info }],
  });
  const reading = readConfig({ text, directory: "/srv/keyplane", environment: {} });
  if (!reading.ok) throw new Error("The config is not read");
  const { config } = reading;
  const endpoint = endpoints.find(({ name }) => name === "messages");
  if (!endpoint) throw new Error("There is no such route");
  const request = { model: "m", messages: [{ role: "user", content: "Hi" }], tools };
  const sent = { request, bodyBytes: 100, form: undefined };
  const call = { asked: "m", sent, endpoint };
  const deployments = config.model_list.map((entry) => createDeployment(config, entry));
  return boundOf(deployments, call).need;
}

const search = { type: "web_search_20250305", name: "web_search" };

test("as many searches as a tool may make are held, at a cent each", () => {
  const [none, five] = [0, 5].map((max_uses) =>
    needOf("anthropic/claude-sonnet-4-5", [{ ...search, max_uses }]),
  );
  expect((five ?? 0n) - (none ?? 0n)).toBe(5n * 10_000_000_000n);
});

test("a tool that may search without end is refused", () => {
  expect(() => needOf("anthropic/claude-sonnet-4-5", [search])).toThrow(
    "its tool for searching the web has no max_uses",
  );
});

test("a token of a model that draws may be one of an image", () => {
  const [text, images] = ["gemini/gemini-2.5-flash", "gemini/gemini-2.5-flash-image"].map((model) =>
    needOf(model),
  );
  expect(text).toBeLessThan(100n * 30_000_000n);
  expect(images).toBeGreaterThan(100n * 30_000_000n);
});
