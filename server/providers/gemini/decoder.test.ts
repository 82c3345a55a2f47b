import { readFileSync } from "node:fs";
import * as fc from "fast-check";
import { expect, test } from "vitest";
import type { ModelEvent } from "../model-event.ts";
import { gemini } from "./adapter.ts";

/** The parsed events of a stream as Google sends it. */
function readFixture(name: string): unknown[] {
  return readFileSync(new URL(`fixtures/${name}.sse`, import.meta.url), "utf8")
    .split("\n\n")
    .filter((event) => event.startsWith("data: "))
    .map((event) => JSON.parse(event.slice("data: ".length)));
}

function decode(chunks: readonly unknown[]): readonly ModelEvent[] {
  const decoder = gemini.createDecoder();
  return chunks.flatMap((chunk) => decoder(chunk));
}

const signature = "EqkECqYEARFNMg+gQi3aPkE2hRW/Bg4AK2pNYqUDRt9IxseM7XQ=";

function usage(input: number, output: number, reasoning: number, cacheRead = 0) {
  return {
    type: "usage",
    usage: {
      input,
      cache_read: cacheRead,
      cache_write: 0,
      cache_write_1h: 0,
      input_audio: 0,
      output,
      reasoning,
      output_audio: 0,
    },
  };
}

test("a text comes with what was used so far at each of its pieces", () => {
  expect(decode(readFixture("text"))).toEqual([
    { type: "start", id: "WQuqavG5KbfUjMcPuP_n6QI" },
    { type: "text-delta", text: "The sky" },
    usage(7, 96, 94),
    { type: "text-delta", text: " is blue." },
    usage(7, 99, 94),
    usage(7, 99, 94),
    { type: "finish", reason: "stop" },
  ]);
});

test("thoughts that are shown are sealed by the signature that follows them", () => {
  expect(decode(readFixture("thinking")).filter(({ type }) => type !== "usage")).toEqual([
    { type: "start", id: "M3iLaY-AI7zTxN8P3Piw4Qg" },
    { type: "reasoning-delta", text: "**Counting letters**\n\nI spell it: s-t-r" },
    { type: "reasoning-delta", text: "-a-w-b-e-r-r-y.\n" },
    { type: "text-delta", text: "There are **3**" },
    { type: "text-delta", text: " of them." },
    { type: "reasoning-signature", signature: `google:${signature}` },
    { type: "finish", reason: "stop" },
  ]);
});

test("calls keep Gemini's ids, and the first of them its signature", () => {
  const events = decode(readFixture("parallel-calls"));

  expect(events.filter(({ type }) => type.startsWith("tool"))).toEqual([
    {
      type: "tool-call",
      index: 0,
      id: "lpndqlku",
      name: "get_weather",
      thoughtSignature: signature,
    },
    { type: "tool-arguments-delta", index: 0, json: '{"city":"Paris","unit":"celsius"}' },
    { type: "tool-call", index: 1, id: "m6rogicj", name: "get_weather" },
    { type: "tool-arguments-delta", index: 1, json: '{"city":"Tokyo","unit":"celsius"}' },
    { type: "tool-call", index: 2, id: "p0xk3fza", name: "now" },
    { type: "tool-arguments-delta", index: 2, json: "{}" },
  ]);
  expect(events.at(-1)).toEqual({ type: "finish", reason: "tool-calls" });
});

test("calls without ids are given ones that no other reply has", () => {
  expect(decode(readFixture("calls-without-ids")).filter(({ type }) => type !== "usage")).toEqual([
    { type: "start", id: "kNiDavuDIcja_uMP8tCj-QU" },
    { type: "text-delta", text: "I look it up." },
    {
      type: "tool-call",
      index: 0,
      id: "call_kNiDavuDIcja_uMP8tCj-QU_0",
      name: "now",
      thoughtSignature: "CiMBjz1rX25KieIB4d4AwFn8",
    },
    { type: "tool-arguments-delta", index: 0, json: "{}" },
    { type: "tool-call", index: 1, id: "call_kNiDavuDIcja_uMP8tCj-QU_1", name: "get_weather" },
    { type: "tool-arguments-delta", index: 1, json: '{"city":"Zürich"}' },
    { type: "finish", reason: "tool-calls" },
  ]);
});

test("an answer that is cut off for safety ends as filtered, and what was said of it stays", () => {
  expect(decode(readFixture("safety"))).toEqual([
    { type: "start", id: "4HFfavXADZvkkdUP37mD6Q0" },
    { type: "text-delta", text: "First you take" },
    usage(14, 3, 0),
    usage(14, 3, 0),
    { type: "finish", reason: "content-filter" },
  ]);
});

test("a prompt that is blocked ends as filtered, with nothing generated", () => {
  expect(decode(readFixture("blocked-prompt"))).toEqual([
    { type: "start", id: "EXCPatOAKMrQjMcPteHVmQo" },
    usage(9, 0, 0),
    { type: "finish", reason: "content-filter" },
  ]);
});

test("nothing follows an error in the middle of a stream", () => {
  const chunks = readFixture("error-midstream");

  expect(decode([...chunks, ...readFixture("text")])).toEqual([
    { type: "start", id: "vQRpaqzAPN2M9MoPxPq2uQ4" },
    { type: "text-delta", text: "Once upon a" },
    usage(5, 3, 0),
    {
      type: "error",
      message: "The model is overloaded. Please try again later.",
      code: "UNAVAILABLE",
    },
  ]);
});

test("Vertex tells the usage at the end only", () => {
  expect(decode(readFixture("vertex"))).toEqual([
    { type: "start", id: "dqHOab6xGLzWodAPkPuViA4" },
    { type: "text-delta", text: "Hel" },
    { type: "text-delta", text: "lo" },
    usage(176, 34, 32, 1024),
    { type: "finish", reason: "stop" },
  ]);
});

test("an image is shown, and drafts of it are not", () => {
  expect(decode(readFixture("image")).filter(({ type }) => type === "image")).toEqual([
    { type: "image", mediaType: "image/png", data: "iVBORw0KGgo=" },
  ]);
});

function ended(finishReason: string, parts: readonly unknown[] = []) {
  return decode([
    { candidates: [{ content: { parts }, finishReason, finishMessage: "Malformed: now(" }] },
  ]).at(-1);
}

test.each([
  ["STOP", "stop"],
  ["MAX_TOKENS", "length"],
  ["SAFETY", "content-filter"],
  ["RECITATION", "content-filter"],
  ["LANGUAGE", "content-filter"],
  ["BLOCKLIST", "content-filter"],
  ["PROHIBITED_CONTENT", "content-filter"],
  ["SPII", "content-filter"],
  ["IMAGE_SAFETY", "content-filter"],
  ["IMAGE_PROHIBITED_CONTENT", "content-filter"],
  ["IMAGE_RECITATION", "content-filter"],
  ["MODEL_ARMOR", "content-filter"],
  ["ESCALATION", "content-filter"],
  ["OTHER", "stop"],
  ["IMAGE_OTHER", "stop"],
  ["NO_IMAGE", "stop"],
  ["FINISH_REASON_UNSPECIFIED", "stop"],
  ["OF_TOMORROW", "stop"],
])("%s means %s", (reason, expected) => {
  expect(ended(reason)).toEqual({ type: "finish", reason: expected });
});

test("an answer that is too long is so even with calls in it", () => {
  expect(ended("MAX_TOKENS", [{ functionCall: { name: "now" } }])).toEqual({
    type: "finish",
    reason: "length",
  });
});

test.each([
  "MALFORMED_FUNCTION_CALL",
  "MALFORMED_RESPONSE",
  "UNEXPECTED_TOOL_CALL",
  "TOO_MANY_TOOL_CALLS",
  "MISSING_THOUGHT_SIGNATURE",
])("%s is a failure, told in Google's words", (reason) => {
  expect(ended(reason)).toEqual({
    type: "error",
    message: `The model gave no valid answer (${reason}): Malformed: now(`,
    code: reason,
  });
});

test("a usage that came with a failure is told before it", () => {
  const [, told, failed] = decode([
    {
      responseId: "1",
      candidates: [{ finishReason: "MALFORMED_FUNCTION_CALL" }],
      usageMetadata: { promptTokenCount: 2595, totalTokenCount: 2595 },
    },
  ]);

  expect(told).toEqual(usage(2595, 0, 0));
  expect(failed).toMatchObject({ type: "error" });
});

test("the pieces of a call that nobody asked for, and parts that are not known, are passed over", () => {
  const parts = [
    { functionCall: { partialArgs: [{ jsonPath: "$.city", stringValue: "Bo" }] } },
    { functionCall: {} },
    { executableCode: { language: "PYTHON", code: "print(1)" } },
    { inlineData: { mimeType: "audio/L16;rate=24000", data: "AAAA" } },
    { text: "" },
    null,
  ];

  expect(decode([{ candidates: [{ content: { parts } }] }])).toEqual([]);
});

test("a whole answer is read like a stream of one chunk", () => {
  const [chunk] = readFixture("calls-without-ids").slice(1);

  expect(gemini.decodeReply(chunk)).toEqual(decode([chunk]));
});

test("a whole answer that does not say why it ends has ended", () => {
  expect(gemini.decodeReply({ candidates: [{ content: { parts: [{ text: "Hi" }] } }] })).toEqual([
    { type: "text-delta", text: "Hi" },
    { type: "finish", reason: "stop" },
  ]);
});

test("a list of chunks is a whole answer too", () => {
  const chunks = readFixture("thinking");

  expect(gemini.decodeReply(chunks)).toEqual(decode(chunks));
});

test.each([
  [null],
  ["<html>"],
  [{}],
  [[]],
  [{ candidates: [] }],
  [{ usageMetadata: { promptTokenCount: 9 }, responseId: "1" }],
])("%j is no answer", (body) => {
  expect(gemini.decodeReply(body)).toEqual([]);
});

const oddPart = fc.record(
  {
    text: fc.jsonValue(),
    thought: fc.jsonValue(),
    thoughtSignature: fc.jsonValue(),
    functionCall: fc.oneof(fc.jsonValue(), fc.record({ name: fc.string(), args: fc.jsonValue() })),
    inlineData: fc.oneof(fc.jsonValue(), fc.record({ mimeType: fc.string(), data: fc.string() })),
  },
  { requiredKeys: [] },
);
const oddChunk = fc.oneof(
  fc.jsonValue(),
  fc.record(
    {
      candidates: fc.oneof(
        fc.jsonValue(),
        fc.array(
          fc.record(
            {
              content: fc.record({ parts: fc.array(oddPart) }),
              finishReason: fc.oneof(fc.jsonValue(), fc.constantFrom("STOP", "SAFETY")),
            },
            { requiredKeys: [] },
          ),
        ),
      ),
      usageMetadata: fc.record({ promptTokenCount: fc.jsonValue() }),
      error: fc.jsonValue(),
      promptFeedback: fc.jsonValue(),
      responseId: fc.jsonValue(),
    },
    { requiredKeys: [] },
  ),
);

test("whatever comes, nothing is thrown, and there is one end, to which errors are the last word", () => {
  fc.assert(
    fc.property(fc.array(oddChunk), (chunks) => {
      const types = decode(chunks).map(({ type }) => type);
      expect(types.filter((type) => type === "finish" || type === "start").length).toBeLessThan(3);
      expect(types.indexOf("error")).toBeOneOf([-1, types.length - 1]);
      gemini.decodeReply(chunks);
    }),
  );
});
