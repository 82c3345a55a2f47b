import { expect, test } from "vitest";
import { closeSchema } from "./closed-schema.ts";

const name = { type: "string" };

test("objects are closed at every depth", () => {
  const schema = {
    type: "object",
    properties: {
      people: {
        type: "array",
        items: { type: "object", properties: { name }, required: ["name"] },
      },
    },
    required: ["people"],
  };

  expect(closeSchema(schema)).toEqual({
    type: "object",
    properties: {
      people: {
        type: "array",
        items: {
          type: "object",
          properties: { name },
          required: ["name"],
          additionalProperties: false,
        },
      },
    },
    required: ["people"],
    additionalProperties: false,
  });
});

test("what the model cannot be held to stands in the description", () => {
  const schema = { type: "integer", description: "Age", minimum: 0, maximum: 150 };

  expect(closeSchema(schema)).toEqual({
    type: "integer",
    description: "Age\nminimum: 0, maximum: 150",
  });
});

test("formats that are known stay, others are told", () => {
  expect(closeSchema({ type: "string", format: "date" })).toEqual({
    type: "string",
    format: "date",
  });
  expect(closeSchema({ type: "string", format: "iban" })).toEqual({
    type: "string",
    description: "format: iban",
  });
});

test("exclusive alternatives become alternatives", () => {
  expect(closeSchema({ oneOf: [{ type: "string" }, { type: "null" }] })).toEqual({
    anyOf: [{ type: "string" }, { type: "null" }],
  });
});

test("definitions are closed where they stand, however often they are referred to", () => {
  const schema = {
    type: "object",
    properties: {
      from: { $ref: "#/$defs/place" },
      to: { $ref: "#/$defs/place", description: "x" },
    },
    $defs: { place: { type: "object", properties: { name } } },
  };

  expect(closeSchema(schema)).toEqual({
    type: "object",
    properties: { from: { $ref: "#/$defs/place" }, to: { $ref: "#/$defs/place" } },
    $defs: { place: { type: "object", properties: { name }, additionalProperties: false } },
    additionalProperties: false,
  });
});

const tree = { type: "object", properties: { child: { $ref: "#/$defs/tree" } } };

test.each<[string, Record<string, unknown>]>([
  ["an object of any properties", { type: "object" }],
  ["a map", { type: "object", properties: {}, additionalProperties: { type: "string" } }],
  ["an open object", { type: "object", properties: { name }, additionalProperties: true }],
  ["patterns of properties", { type: "object", properties: {}, patternProperties: { "^x": name } }],
  ["a tuple", { type: "array", prefixItems: [name], items: { type: "string" } }],
  ["a tuple of old", { type: "array", items: [name] }],
  ["a negation", { type: "string", not: { const: "x" } }],
  ["anything", {}],
  ["anything within", { type: "object", properties: { any: true } }],
  ["itself", { type: "object", properties: { child: { $ref: "#" } } }],
  ["a definition that refers to itself", { ...tree, $defs: { tree } }],
  [
    "a definition that is missing",
    { type: "object", properties: { child: { $ref: "#/$defs/no" } } },
  ],
  ["another document", { type: "object", properties: { child: { $ref: "https://a.b/c" } } }],
])("%s has no closed form", (_what, schema) => {
  expect(closeSchema(schema)).toBeUndefined();
});
