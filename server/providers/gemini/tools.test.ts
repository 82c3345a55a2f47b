import { expect, test } from "vitest";
import { chat as chatSchema } from "../../../shared/openai/chat.ts";
import { Translation } from "../translation.ts";
import { encodeTools } from "./tools.ts";

function encode(fields: Readonly<Record<string, unknown>>) {
  const translation = new Translation({
    model: "gemini-3.8-flash",
    isStream: false,
    maxOutputTokens: undefined,
    dropsParameters: false,
  });
  const messages = [{ role: "user", content: "Hello" }];
  const chat = chatSchema.parse({ model: "fast", messages, ...fields });
  return { ...encodeTools(chat, translation), dropped: translation.dropped };
}

function functionOf(name: string, fields: Readonly<Record<string, unknown>> = {}) {
  return { type: "function", function: { name, ...fields } };
}

test("a function is declared with its schema as it is", () => {
  const parameters = {
    $schema: "https://json-schema.org/draft/2020-12/schema",
    type: "object",
    properties: { city: { $ref: "#/$defs/city" }, days: { type: "integer", exclusiveMinimum: 0 } },
    $defs: { city: { type: ["string", "null"] } },
    additionalProperties: false,
  };

  expect(
    encode({ tools: [functionOf("weather", { description: "Tells", parameters, strict: true })] }),
  ).toEqual({
    tools: [
      {
        functionDeclarations: [
          { name: "weather", description: "Tells", parametersJsonSchema: parameters },
        ],
      },
    ],
    dropped: ["strict"],
  });
});

test.each([
  [undefined],
  [{}],
  [{ type: "object" }],
  [{ type: "object", properties: {}, additionalProperties: false }],
])("a function that takes %j declares no parameters", (parameters) => {
  expect(encode({ tools: [functionOf("now", { parameters })] }).tools).toEqual([
    { functionDeclarations: [{ name: "now" }] },
  ]);
});

test.each([
  [{ anyOf: [{ type: "object" }] }],
  [{ type: "array" }],
  [{ type: "object", additionalProperties: { type: "string" } }],
])("a function that takes %j declares it", (parameters) => {
  expect(encode({ tools: [functionOf("now", { parameters })] }).tools).toEqual([
    { functionDeclarations: [{ name: "now", parametersJsonSchema: parameters }] },
  ]);
});

test.each([
  [{ type: "google_search" }, { googleSearch: {} }],
  [{ type: "googleSearch" }, { googleSearch: {} }],
  [{ type: "code_execution" }, { codeExecution: {} }],
  [
    { type: "file_search", fileSearchStoreNames: ["fileSearchStores/1"] },
    { fileSearch: { fileSearchStoreNames: ["fileSearchStores/1"] } },
  ],
])("%j is a tool of Google's own", (tool, expected) => {
  expect(encode({ tools: [functionOf("now"), tool] }).tools).toEqual([
    { functionDeclarations: [{ name: "now" }] },
    expected,
  ]);
});

test("a tool of another provider is refused by its type", () => {
  expect(() => encode({ tools: [{ type: "web_search_preview" }] })).toThrow(
    'Cannot use tools: its provider has no tool of the type "web_search_preview"',
  );
});

test.each([
  ["none", { mode: "NONE" }],
  ["auto", { mode: "AUTO" }],
  ["required", { mode: "ANY" }],
  [functionOf("now"), { mode: "ANY", allowedFunctionNames: ["now"] }],
])("tool_choice %j", (tool_choice, functionCallingConfig) => {
  expect(encode({ tools: [functionOf("now")], tool_choice }).toolConfig).toEqual({
    functionCallingConfig,
  });
});

test("a choice among Google's own tools cannot be made, and the client is told", () => {
  const tools = [{ type: "google_search" }];

  expect(encode({ tools, tool_choice: "required" }).dropped).toEqual(["tool_choice"]);
  expect(encode({ tools, tool_choice: "auto" }).dropped).toEqual([]);
});

test("no tools, no word of them", () => {
  expect(encode({ tools: [], tool_choice: "auto" })).toEqual({ dropped: [] });
});
