import { expect, test } from "vitest";
import { chat as chatSchema } from "../../../shared/openai/chat.ts";
import { Translation } from "../translation.ts";
import { encodeTools, type Tooling } from "./encode-tools.ts";
import { traitsOf } from "./model-traits.ts";

function encode(
  parameters: Record<string, unknown>,
  { model = "claude-sonnet-4-5", dropsParameters = false } = {},
): Tooling & { dropped: readonly string[] } {
  const messages = [{ role: "user", content: "Hello" }];
  const translation = new Translation({
    model,
    isStream: false,
    maxOutputTokens: undefined,
    dropsParameters,
  });
  const chat = chatSchema.parse({ model, messages, ...parameters });
  return { ...encodeTools(chat, traitsOf(model), translation), dropped: translation.dropped };
}

const parameters = {
  type: "object",
  properties: { city: { type: "string", minLength: 1 } },
  required: ["city"],
};

const weather = {
  type: "function",
  function: { name: "weather", description: "Of a city", parameters },
};
const clock = { type: "function", function: { name: "clock" } };
const search = { type: "web_search_20250305", name: "web_search", max_uses: 3 };

test("a function becomes a tool, and one without parameters takes an object without properties", () => {
  expect(encode({ tools: [weather, clock] })).toEqual({
    parameters: {
      tools: [
        { name: "weather", description: "Of a city", input_schema: parameters },
        { name: "clock", input_schema: { type: "object", properties: {} } },
      ],
    },
    forcesTool: false,
    betas: [],
    dropped: [],
  });
});

test("a tool that the provider runs passes as it is", () => {
  expect(encode({ tools: [search] }).parameters["tools"]).toEqual([search]);
});

test("a tool's mark for the cache is kept", () => {
  const tools = [{ ...clock, cache_control: { type: "ephemeral", ttl: null } }];

  expect(encode({ tools }).parameters["tools"]).toMatchObject([
    { name: "clock", cache_control: { type: "ephemeral" } },
  ]);
});

test("a strict tool has a closed schema", () => {
  const tools = [{ ...weather, function: { ...weather.function, strict: true } }];

  expect(encode({ tools }).parameters["tools"]).toEqual([
    {
      name: "weather",
      description: "Of a city",
      input_schema: {
        type: "object",
        properties: { city: { type: "string", description: "minLength: 1" } },
        required: ["city"],
        additionalProperties: false,
      },
      strict: true,
    },
  ]);
});

test.each([
  ["a model without strict tools", "claude-sonnet-4-0", parameters],
  ["a schema that is open", "claude-sonnet-4-5", { ...parameters, additionalProperties: true }],
])("%s: strict is left out, and told", (_what, model, schema) => {
  const tools = [{ type: "function", function: { name: "f", parameters: schema, strict: true } }];
  const encoded = encode({ tools }, { model });

  expect(encoded.parameters["tools"]).toEqual([{ name: "f", input_schema: schema }]);
  expect(encoded.dropped).toEqual(["strict"]);
});

const named = { type: "function", function: { name: "clock" } };

test.each<[string, Record<string, unknown>, unknown, boolean]>([
  ["nothing said", {}, undefined, false],
  ["none", { tool_choice: "none" }, { type: "none" }, false],
  ["auto", { tool_choice: "auto" }, { type: "auto" }, false],
  ["required", { tool_choice: "required" }, { type: "any" }, true],
  ["named", { tool_choice: named }, { type: "tool", name: "clock" }, true],
  [
    "one at a time",
    { parallel_tool_calls: false },
    { type: "auto", disable_parallel_tool_use: true },
    false,
  ],
  [
    "required, one at a time",
    { tool_choice: "required", parallel_tool_calls: false },
    { type: "any", disable_parallel_tool_use: true },
    true,
  ],
  [
    "none, one at a time",
    { tool_choice: "none", parallel_tool_calls: false },
    { type: "none" },
    false,
  ],
  ["several at a time", { parallel_tool_calls: true }, undefined, false],
])("the choice: %s", (_what, choice, sent, forces) => {
  const encoded = encode({ tools: [weather, clock], ...choice });

  expect(encoded.parameters["tool_choice"]).toEqual(sent);
  expect(encoded.forcesTool).toBe(forces);
});

test("without tools a choice means nothing", () => {
  expect(encode({ tools: [], tool_choice: "auto", parallel_tool_calls: false })).toEqual({
    parameters: {},
    forcesTool: false,
    betas: [],
    dropped: [],
  });
});

test("a model that cannot be made to call a tool is not asked to", () => {
  const asked = { tools: [weather, clock], tool_choice: named };

  expect(() => encode(asked, { model: "claude-opus-5-5" })).toThrow(
    expect.objectContaining({ code: "invalid_request", details: { param: "tool_choice" } }),
  );
});

test("where parameters are dropped, it is offered the one tool that was named", () => {
  const asked = { tools: [weather, clock], tool_choice: named };
  const encoded = encode(asked, { model: "claude-opus-5-5", dropsParameters: true });

  expect(encoded.parameters).toMatchObject({
    tools: [{ name: "clock" }],
    tool_choice: { type: "auto" },
  });
  expect(encoded.forcesTool).toBe(false);
  expect(encoded.dropped).toEqual(["tool_choice"]);
});
