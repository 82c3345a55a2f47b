import { expect, test } from "vitest";
import { chat as chatSchema } from "../../../shared/openai/chat.ts";
import type { Encoded, Target } from "../adapter.ts";
import { encodeRequest } from "./encode-request.ts";

function encode(parameters: Record<string, unknown>, target: Partial<Target> = {}): Encoded {
  const messages = [{ role: "user", content: "Hello" }];
  return encodeRequest(chatSchema.parse({ model: "group", messages, ...parameters }), {
    model: "claude-sonnet-4-5",
    isStream: false,
    maxOutputTokens: undefined,
    dropsParameters: false,
    ...target,
  });
}

test("the least chat is a model, a limit and a turn", () => {
  expect(encode({})).toEqual({
    route: "messages",
    body: {
      model: "claude-sonnet-4-5",
      max_tokens: 64_000,
      messages: [{ role: "user", content: [{ type: "text", text: "Hello" }] }],
    },
    dropped: [],
  });
});

test("a stream is asked for as one", () => {
  expect(encode({ stream: true }, { isStream: true }).body["stream"]).toBe(true);
});

test.each<[string, Record<string, unknown>, Partial<Target>, number]>([
  ["asked for", { max_tokens: 100 }, {}, 100],
  ["asked for by its newer name", { max_completion_tokens: 200, max_tokens: 100 }, {}, 200],
  ["more than the model gives", { max_tokens: 100_000 }, {}, 64_000],
  ["more than the config says it gives", { max_tokens: 100 }, { maxOutputTokens: 50 }, 50],
  ["more than a guess", { max_tokens: 100_000 }, { model: "kimi-k2" }, 100_000],
  ["not asked for", {}, { model: "claude-opus-5-5" }, 128_000],
  ["not asked for, with one in the config", {}, { maxOutputTokens: 8_000 }, 8_000],
  [
    "not asked for, below the budget for thinking",
    { thinking: { type: "enabled", budget_tokens: 10_000 } },
    { maxOutputTokens: 8_000 },
    14_096,
  ],
])("a limit %s", (_what, parameters, target, limit) => {
  expect(encode(parameters, target).body["max_tokens"]).toBe(limit);
});

test.each<[string, Record<string, unknown>, Record<string, unknown>]>([
  ["one stop", { stop: "END" }, { stop_sequences: ["END"] }],
  ["several", { stop: ["a", "b"] }, { stop_sequences: ["a", "b"] }],
  ["a user", { user: "user-7f3a" }, { metadata: { user_id: "user-7f3a" } }],
  ["OpenAI's newer name", { safety_identifier: "h" }, { metadata: { user_id: "h" } }],
  ["any tier", { service_tier: "auto" }, { service_tier: "auto" }],
  ["the usual tier", { service_tier: "default" }, { service_tier: "standard_only" }],
  [
    "a mark for all",
    { cache_control: { type: "ephemeral" } },
    { cache_control: { type: "ephemeral" } },
  ],
  ["one answer", { n: 1 }, {}],
  ["no probabilities", { logprobs: false, top_logprobs: null }, {}],
])("%s is sent, and nothing left out", (_what, parameters, sent) => {
  const { body, dropped } = encode(parameters);

  expect(body).toMatchObject(sent);
  expect(dropped).toEqual([]);
});

test.each<[string, Record<string, unknown>, string]>([
  ["a seed", { seed: 7 }, "seed"],
  ["a bias", { logit_bias: { 5: 1 } }, "logit_bias"],
  ["a penalty", { presence_penalty: 0.5 }, "presence_penalty"],
  ["a tag of OpenAI's", { metadata: { project: "x" } }, "metadata"],
  ["a stop that is blank", { stop: ["\n\n"] }, "stop"],
  ["an address", { user: "jane@example.com" }, "user"],
  ["a telephone number", { user: "+49 170 1234567" }, "user"],
  ["a name too long", { user: "x".repeat(257) }, "user"],
  ["a tier that is bought otherwise", { service_tier: "flex" }, "service_tier"],
])("%s is left out, and told", (_what, parameters, name) => {
  const { body, dropped } = encode(parameters);

  expect(dropped).toEqual([name]);
  expect(Object.keys(body)).toEqual(["model", "max_tokens", "messages"]);
});

test("of several stops the blank ones are left out", () => {
  const { body, dropped } = encode({ stop: ["END", " "] });

  expect(body["stop_sequences"]).toEqual(["END"]);
  expect(dropped).toEqual(["stop"]);
});

test.each<[Record<string, unknown>, string]>([
  [{ n: 2 }, "n"],
  [{ logprobs: true, top_logprobs: 3 }, "logprobs"],
  [{ top_logprobs: 3 }, "top_logprobs"],
  [{ modalities: ["text", "audio"], audio: { voice: "ash" } }, "modalities"],
  [{ audio: { voice: "ash" } }, "audio"],
  [{ functions: [{ name: "f" }] }, "functions"],
])("%j is refused, unless the deployment drops parameters", (parameters, name) => {
  expect(() => encode(parameters)).toThrow(
    expect.objectContaining({ code: "invalid_request", details: { param: name } }),
  );
  expect(encode(parameters, { dropsParameters: true }).dropped).toContain(name);
});

test.each<[string, string, Record<string, unknown>, Record<string, unknown>, string[]]>([
  [
    "all, to an old model",
    "claude-sonnet-4-0",
    { temperature: 0.5, top_p: 0.9, top_k: 5 },
    { temperature: 0.5, top_p: 0.9, top_k: 5 },
    [],
  ],
  [
    "one of two",
    "claude-sonnet-4-5",
    { temperature: 0.5, top_p: 0.9, top_k: 5 },
    { temperature: 0.5, top_k: 5 },
    ["top_p"],
  ],
  ["the other of two", "claude-sonnet-4-5", { top_p: 0.9 }, { top_p: 0.9 }, []],
  [
    "none, to a new model",
    "claude-opus-5-5",
    { temperature: 1, top_p: 0.9, top_k: 5 },
    {},
    ["temperature", "top_p", "top_k"],
  ],
  [
    "a temperature of OpenAI's scale",
    "claude-sonnet-4-5",
    { temperature: 1.5 },
    { temperature: 1 },
    ["temperature"],
  ],
  [
    "while thinking",
    "claude-sonnet-4-0",
    { reasoning_effort: "low", temperature: 0.5, top_p: 0.9, top_k: 5 },
    {},
    ["temperature", "top_p", "top_k"],
  ],
  [
    "what thinking allows",
    "claude-sonnet-4-0",
    { reasoning_effort: "low", temperature: 1, top_p: 0.95 },
    { temperature: 1, top_p: 0.95 },
    [],
  ],
])("sampling: %s", (_what, model, parameters, sent, dropped) => {
  const encoded = encode(parameters, { model });
  const { temperature, top_p, top_k } = encoded.body;

  expect({ temperature, top_p, top_k }).toEqual(sent);
  expect(encoded.dropped).toEqual(dropped);
});

const schema = {
  type: "object",
  properties: { city: { type: "string" } },
  required: ["city"],
  additionalProperties: false,
};

function formatted(schemaOfAnswer: unknown): Record<string, unknown> {
  const format = { name: "answer", schema: schemaOfAnswer, strict: true };
  return { response_format: { type: "json_schema", json_schema: format } };
}

test("a schema for the answer is held to by structured outputs, beside the effort", () => {
  const parameters = { ...formatted(schema), reasoning_effort: "low" };
  const { body, dropped } = encode(parameters, { model: "claude-opus-5-5" });

  expect(body["output_config"]).toEqual({
    effort: "low",
    format: { type: "json_schema", schema },
  });
  expect(dropped).toEqual([]);
});

test.each<[string, Record<string, unknown>, Partial<Target>, string]>([
  ["an object of any shape", { response_format: { type: "json_object" } }, {}, "one JSON object"],
  ["a schema that is open", formatted({ type: "object" }), {}, '{"type":"object"}'],
  [
    "a schema, of a model without",
    formatted(schema),
    { model: "claude-3-7-sonnet-latest" },
    '"city"',
  ],
])(
  "%s is asked for in words after the system's own, and told",
  (_what, parameters, target, words) => {
    const messages = [
      { role: "system", content: "Be brief" },
      { role: "user", content: "Hello" },
    ];
    const { body, dropped } = encode({ ...parameters, messages }, target);

    expect(body["system"]).toEqual([
      { type: "text", text: "Be brief" },
      { type: "text", text: expect.stringContaining(words) },
    ]);
    expect(body).not.toHaveProperty("output_config");
    expect(dropped).toEqual(["response_format"]);
  },
);

test("a tool that is no part of the API without a header brings it", () => {
  const tools = [{ type: "computer_20250124", name: "computer", display_width_px: 1024 }];

  expect(encode({ tools }).headers).toEqual(["anthropic-beta", "computer-use-2025-01-24"]);
});

test("a forced tool comes before thinking with a budget, which Anthropic does not do together", () => {
  const tools = [{ type: "function", function: { name: "search" } }];
  const { body, dropped } = encode({ tools, tool_choice: "required", reasoning_effort: "high" });

  expect(body["tool_choice"]).toEqual({ type: "any" });
  expect(body).not.toHaveProperty("thinking");
  expect(dropped).toEqual(["reasoning_effort"]);
});

const calling = [
  { role: "user", content: "Weather?" },
  {
    role: "assistant",
    tool_calls: [{ id: "call_1", function: { name: "weather", arguments: "{}" } }],
  },
  { role: "tool", tool_call_id: "call_1", content: "Sunny" },
];

test("in the middle of calls that came without a thought there is no thinking with a budget", () => {
  const { body, dropped } = encode({ messages: calling, reasoning_effort: "high" });

  expect(body).not.toHaveProperty("thinking");
  expect(dropped).toEqual(["reasoning_effort"]);
});

test("in the middle of calls there is thinking where the thoughts were sent back, or are not asked for", () => {
  const [user, assistant, tool] = calling;
  const thought = { type: "thinking", thinking: "Hm", signature: "EqQB" };
  const messages = [user, { ...assistant, thinking_blocks: [thought] }, tool];

  expect(encode({ messages, reasoning_effort: "high" }).body).toHaveProperty("thinking");
  expect(
    encode({ messages: calling, reasoning_effort: "high" }, { model: "claude-opus-4-6" }).body,
  ).toHaveProperty("thinking");
});
