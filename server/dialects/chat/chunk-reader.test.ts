import { expect, test } from "vitest";
import { EscapedText } from "../../wire/escaped-text.ts";
import { ChunkReader } from "./chunk-reader.ts";

/** What one stream was seen to generate. */
function generatedIn(...deltas: object[]): string {
  const reader = new ChunkReader();
  const text = new EscapedText();
  for (const delta of deltas) {
    const choices = [{ index: 0, delta, logprobs: null, finish_reason: null }, { index: 1 }];
    const bytes = Buffer.from(`data: ${JSON.stringify({ id: "x", choices, model: "m" })}\n\n`);
    const { model } = reader.read(bytes, { start: 0, end: bytes.length }, text);
    expect(bytes.toString("utf8", model?.start, model?.end)).toBe('"m"');
  }
  return text.toString();
}

test.each([
  ["text", [{ content: "a" }, { content: '"b"' }], 'a"b"'],
  ["a refusal", [{ content: null, refusal: "no" }], "no"],
  ["thinking, beside text", [{ reasoning_content: "think", content: "a" }], "thinka"],
  ["thinking under two names, once", [{ reasoning_content: "t", reasoning: "t" }], "t"],
  [
    "thinking under the second, the first being empty",
    [{ reasoning_content: "", reasoning: "t" }],
    "t",
  ],
  [
    "a tool's name and arguments",
    [
      { tool_calls: [{ index: 0, id: "c", function: { name: "f", arguments: "" } }] },
      { tool_calls: [{ index: 0, function: { arguments: '{"a":' } }] },
      { tool_calls: [{ index: 0, function: { arguments: "1}" } }] },
    ],
    'f{"a":1}',
  ],
  ["nothing", [{ role: "assistant" }, { tool_calls: [] }, { tool_calls: null }, {}], ""],
])("%s is what was generated", (_what, deltas, generated) => {
  expect(generatedIn(...deltas)).toBe(generated);
});

test("a completion's text is what was generated", () => {
  const text = new EscapedText();
  const bytes = Buffer.from('data: {"choices":[{"text":"a","index":0}]}\n\n');
  new ChunkReader().read(bytes, { start: 0, end: bytes.length }, text);
  expect(text.toString()).toBe("a");
});
