import type { LanguageModelV3StreamPart } from "@ai-sdk/provider";
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { createPartReader } from "./read-part.ts";
import { errorEventOf } from "./stream-error.ts";

const usage = {
  inputTokens: {
    total: undefined,
    noCache: undefined,
    cacheRead: undefined,
    cacheWrite: undefined,
  },
  outputTokens: { total: undefined, text: undefined, reasoning: undefined },
};

function read(...parts: LanguageModelV3StreamPart[]) {
  return parts.flatMap(createPartReader());
}

test("a call that a package gives as a whole is a call with its arguments", () => {
  expect(
    read({
      type: "tool-call",
      toolCallId: "a",
      toolName: "f",
      input: '{"x":1}',
      providerMetadata: { google: { thoughtSignature: "c2ln" } },
    }),
  ).toEqual([
    { type: "tool-call", index: 0, id: "a", name: "f", thoughtSignature: "c2ln" },
    { type: "tool-arguments-delta", index: 0, json: '{"x":1}' },
  ]);
});

test("a call that the provider runs by itself is not the client's", () => {
  expect(
    read(
      { type: "tool-input-start", id: "a", toolName: "web_search", providerExecuted: true },
      { type: "tool-input-delta", id: "a", delta: "{}" },
      {
        type: "tool-call",
        toolCallId: "a",
        toolName: "web_search",
        input: "{}",
        providerExecuted: true,
      },
      { type: "tool-call", toolCallId: "b", toolName: "f", input: "{}" },
    ),
  ).toMatchObject([{ type: "tool-call", index: 0, id: "b" }, { type: "tool-arguments-delta" }]);
});

test("an image is an image, whatever it came as", () => {
  expect(
    read(
      { type: "file", mediaType: "image/png", data: new Uint8Array([1, 2, 3]) },
      { type: "file", mediaType: "image/png", data: "AQID" },
      { type: "file", mediaType: "application/pdf", data: "AQID" },
    ),
  ).toEqual([
    { type: "image", mediaType: "image/png", data: "AQID" },
    { type: "image", mediaType: "image/png", data: "AQID" },
  ]);
});

test.each([
  ["stop", "end_turn", "stop"],
  ["stop", "pause_turn", "pause"],
  ["length", "max_tokens", "length"],
  ["content-filter", "guardrail_intervened", "content-filter"],
  ["tool-calls", "tool_use", "tool-calls"],
  ["other", "model_context_window_exceeded", "length"],
  ["other", "something_new", "stop"],
] as const)(
  "an answer that ends by %s, in the vendor's words %s, ends by %s",
  (unified, raw, reason) => {
    expect(read({ type: "finish", usage, finishReason: { unified, raw } })).toEqual([
      { type: "finish", reason },
    ]);
  },
);

test("an answer that ends by a failure ends with an error", () => {
  expect(read({ type: "finish", usage, finishReason: { unified: "error", raw: "ERROR" } })).toEqual(
    [{ type: "error", message: "The model broke off its answer", code: "ERROR" }],
  );
});

test.each([
  ["overloaded", { message: "overloaded", code: null }],
  [
    { message: "slow down", type: "throttled" },
    { message: "slow down", code: "throttled" },
  ],
  [{ error: { message: "no", code: "x" } }, { message: "no", code: "x" }],
  [new Error("gone"), { message: "gone", code: null }],
  [undefined, { message: "The upstream reported a failure", code: null }],
])("the failure %j is told", (error, told) => {
  expect(errorEventOf(error)).toEqual({ type: "error", ...told });
});

test("whatever a failure is, it is an error", () => {
  fc.assert(
    fc.property(fc.anything(), (error) => {
      expect(errorEventOf(error)).toMatchObject({
        type: "error",
        message: expect.stringMatching(/./s),
      });
    }),
  );
});
