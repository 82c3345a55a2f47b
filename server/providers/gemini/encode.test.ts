import { expect, test } from "vitest";
import { chat as chatSchema, type Chat } from "../../../shared/openai/chat.ts";
import type { Target } from "../adapter.ts";
import { gemini } from "./adapter.ts";

const target: Target = {
  model: "gemini-3.8-flash",
  isStream: false,
  maxOutputTokens: undefined,
  dropsParameters: false,
};
const hello = [{ role: "user", content: "Hello" }];

function chatOf(fields: Readonly<Record<string, unknown>>): Chat {
  return chatSchema.parse({ model: "fast", messages: hello, ...fields });
}

function encode(fields: Readonly<Record<string, unknown>>, changes: Partial<Target> = {}) {
  return gemini.encode(chatOf(fields), { ...target, ...changes });
}

function configOf(fields: Readonly<Record<string, unknown>>, changes: Partial<Target> = {}) {
  return encode(fields, changes).body["generationConfig"];
}

test("a plain chat is nothing but its contents", () => {
  expect(encode({ stream: false })).toEqual({
    route: "models/gemini-3.8-flash:generateContent",
    body: { contents: [{ role: "user", parts: [{ text: "Hello" }] }] },
    dropped: [],
  });
});

test.each([
  ["gemini-3.8-flash", true, "models/gemini-3.8-flash:streamGenerateContent?alt=sse"],
  ["models/gemini-3.8-flash", false, "models/gemini-3.8-flash:generateContent"],
  ["gemini-3.8-flash?key=1#", false, "models/gemini-3.8-flash%3Fkey%3D1%23:generateContent"],
])("the route of %s, streamed: %s", (model, isStream, route) => {
  expect(encode({}, { model, isStream }).route).toBe(route);
});

test.each(["../../tunedModels/x", "", "models/", "a//b", "./a"])(
  "a model named %j leads nowhere",
  (model) => {
    expect(() => encode({}, { model })).toThrow(
      expect.objectContaining({ code: "invalid_request", details: { param: "model" } }),
    );
  },
);

test("settings of the answer go by Gemini's names", () => {
  expect(
    configOf({
      max_tokens: 10,
      max_completion_tokens: 20,
      temperature: 0,
      top_p: 0.5,
      top_k: 40,
      stop: ["END", ""],
      seed: 7,
      presence_penalty: 0.5,
      frequency_penalty: -0.5,
      modalities: ["text", "image"],
    }),
  ).toEqual({
    maxOutputTokens: 20,
    temperature: 0,
    topP: 0.5,
    topK: 40,
    stopSequences: ["END"],
    seed: 7,
    presencePenalty: 0.5,
    frequencyPenalty: -0.5,
    responseModalities: ["TEXT", "IMAGE"],
  });
});

test("settings that are the default are not sent", () => {
  const fields = {
    n: 1,
    presence_penalty: 0,
    frequency_penalty: 0,
    temperature: null,
    stop: "",
    modalities: ["text"],
    response_format: { type: "text" },
    logprobs: false,
    parallel_tool_calls: true,
  };

  expect(encode(fields)).toEqual(encode({}));
});

test.each([
  [{}, undefined],
  [{ max_tokens: 100 }, { maxOutputTokens: 100 }],
  [{ max_tokens: 100_000 }, { maxOutputTokens: 65_536 }],
])("%j is kept within what the model gives", (fields, expected) => {
  expect(configOf(fields, { maxOutputTokens: 65_536 })).toEqual(expected);
});

test("a schema for the answer is sent as it is", () => {
  const schema = {
    type: "object",
    properties: { next: { $ref: "#" } },
    additionalProperties: false,
  };

  expect(
    configOf({ response_format: { type: "json_schema", json_schema: { name: "x", schema } } }),
  ).toEqual({ responseMimeType: "application/json", responseJsonSchema: schema });
  expect(configOf({ response_format: { type: "json_object" } })).toEqual({
    responseMimeType: "application/json",
  });
});

test.each([
  ["n", { n: 2 }],
  ["logprobs", { logprobs: true }],
  ["modalities", { modalities: ["text", "audio"] }],
  ["tools", { tools: [{ type: "web_search_20250305", name: "web_search" }] }],
  ["reasoning_effort", { reasoning_effort: "huge" }],
])("%s is refused where the client would miss it, or else left out", (param, fields) => {
  expect(() => encode(fields)).toThrow(
    expect.objectContaining({ code: "invalid_request", details: { param } }),
  );
  expect(encode(fields, { dropsParameters: true })).toEqual({ ...encode({}), dropped: [param] });
});

test("what only steers the answer is left out, and told", () => {
  const messages = [
    {
      role: "user",
      name: "ada",
      content: [
        { type: "text", text: "Hello" },
        {
          type: "image_url",
          image_url: { url: "data:image/png;base64,AAAA", detail: "low" },
        },
      ],
    },
  ];
  const { dropped } = encode({
    messages,
    user: "ada",
    logit_bias: { 1: 2 },
    seed: 2 ** 40,
    parallel_tool_calls: false,
    store: null,
    stream_options: { include_usage: true },
  });

  expect(dropped.toSorted()).toEqual([
    "detail",
    "logit_bias",
    "name",
    "parallel_tool_calls",
    "seed",
    "user",
  ]);
});

test("safety settings and a cache are taken in Google's words", () => {
  const safety_settings = [{ category: "HARM_CATEGORY_HARASSMENT", threshold: "BLOCK_NONE" }];

  expect(encode({ safety_settings, cached_content: "cachedContents/1" })).toMatchObject({
    body: { safetySettings: safety_settings, cachedContent: "cachedContents/1" },
    dropped: [],
  });
});
