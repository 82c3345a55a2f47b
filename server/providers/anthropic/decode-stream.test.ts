import { readFileSync } from "node:fs";
import * as fc from "fast-check";
import { expect, test } from "vitest";
import type { ModelEvent } from "../model-event.ts";
import { createDecoder } from "./decode-stream.ts";

function dataOf(fixture: string): unknown[] {
  return readFileSync(new URL(`fixtures/${fixture}.sse`, import.meta.url), "utf8")
    .split("\n")
    .filter((line) => line.startsWith("data: "))
    .map((line) => JSON.parse(line.slice("data: ".length)));
}

function decode(events: readonly unknown[]): ModelEvent[] {
  const decoder = createDecoder();
  return events.flatMap((event) => decoder(event));
}

const none = {
  cache_read: 0,
  cache_write: 0,
  cache_write_1h: 0,
  input_audio: 0,
  reasoning: 0,
  output_audio: 0,
};

test("text comes as it is generated, and the usage keeps how long the cache was written for", () => {
  const cache = { cache_read: 1000, cache_write: 300, cache_write_1h: 200 };

  expect(decode(dataOf("text"))).toEqual([
    { type: "start", id: "msg_01XFDUDYJgAACzvnptvVoYEL" },
    { type: "usage", usage: { ...none, ...cache, input: 25, output: 1 } },
    { type: "text-delta", text: "Hello" },
    { type: "text-delta", text: "!" },
    { type: "usage", usage: { ...none, ...cache, input: 25, output: 15 } },
    { type: "finish", reason: "stop" },
  ]);
});

test("a thought is followed by its signature, and a sealed one by nothing", () => {
  const events = decode(dataOf("thinking"));

  expect(events.slice(2)).toEqual([
    { type: "reasoning-delta", text: "27 * 453: first 27 * 400" },
    { type: "reasoning-delta", text: " = 10800, then 27 * 53 = 1431." },
    {
      type: "reasoning-signature",
      signature: "EqQBCgIYAhIM1gbcDa9GJwZA2b3hGgxBdjrkzLoky3dl1pkiMOYds=",
    },
    {
      type: "reasoning-redacted",
      data: "EmwKAhgBEgy3va3pzix/LafPsn4aDFIT2Xlxh0L5L8rLVyIwxtE3rAFBa8cr3qpPkNRj",
    },
    { type: "text-delta", text: "27 * 453 = 12,231" },
    { type: "usage", usage: { ...none, input: 44, output: 92, reasoning: 71 } },
    { type: "finish", reason: "stop" },
  ]);
});

test("calls are numbered, and one for which no arguments come has an empty object", () => {
  expect(decode(dataOf("parallel-tools")).slice(2)).toEqual([
    { type: "text-delta", text: "I'll check both cities." },
    { type: "tool-call", index: 0, id: "toolu_01T1x1fJ34qAmk2tNTrN7Up6", name: "get_weather" },
    { type: "tool-arguments-delta", index: 0, json: '{"location":' },
    { type: "tool-arguments-delta", index: 0, json: ' "San' },
    { type: "tool-arguments-delta", index: 0, json: " Francisc" },
    { type: "tool-arguments-delta", index: 0, json: 'o, CA"}' },
    { type: "tool-call", index: 1, id: "toolu_01Q5YzgAdR4rWL3oUuTmDZBa", name: "get_time" },
    { type: "tool-arguments-delta", index: 1, json: "{}" },
    { type: "usage", usage: { ...none, input: 472, output: 89 } },
    { type: "finish", reason: "tool-calls" },
  ]);
});

test("tools that Anthropic runs itself leave only the text around them, and what they read is counted", () => {
  expect(decode(dataOf("web-search")).slice(1)).toEqual([
    { type: "usage", usage: { ...none, input: 2679, output: 3 } },
    { type: "text-delta", text: "I'll look it up." },
    { type: "text-delta", text: "It is sunny in New York." },
    {
      type: "usage",
      usage: { ...none, input: 10_682, output: 510, units: { web_searches: 1 } },
    },
    { type: "finish", reason: "stop" },
  ]);
});

test("an error in the middle of a stream is its last event", () => {
  const events = [...dataOf("overloaded"), { type: "message_stop" }, ...dataOf("text")];

  expect(decode(events).slice(2)).toEqual([
    { type: "text-delta", text: "The first" },
    { type: "error", message: "Overloaded", code: "overloaded_error" },
  ]);
});

test("a stream that breaks off has no end", () => {
  const types = decode(dataOf("broken-off")).map(({ type }) => type);

  expect(types).toEqual(["start", "usage", "text-delta", "text-delta"]);
});

test("a refusal is told in the words of the upstream", () => {
  expect(decode(dataOf("refusal")).slice(-3)).toEqual([
    { type: "usage", usage: { ...none, input: 31, output: 4 } },
    { type: "refusal-delta", text: "The request could enable cyber harm." },
    { type: "finish", reason: "content-filter" },
  ]);
});

test("arguments that come with the call itself, or a call that is never closed, are not lost", () => {
  const block = { type: "tool_use", id: "toolu_1", name: "search", input: { query: "tea" } };
  const events = [
    { type: "content_block_start", index: 0, content_block: block },
    { type: "message_delta", delta: { stop_reason: "tool_use" } },
  ];

  expect(decode(events)).toEqual([
    { type: "tool-call", index: 0, id: "toolu_1", name: "search" },
    { type: "tool-arguments-delta", index: 0, json: '{"query":"tea"}' },
    { type: "finish", reason: "tool-calls" },
  ]);
});

test("text that stands in the beginning of a block is not lost", () => {
  const block = { type: "text", text: "Hel" };

  expect(decode([{ type: "content_block_start", index: 0, content_block: block }])).toEqual([
    { type: "text-delta", text: "Hel" },
  ]);
});

const odd = fc.object({
  key: fc.constantFrom(
    "type",
    "index",
    "delta",
    "content_block",
    "message",
    "usage",
    "error",
    "text",
  ),
  values: [
    fc.constantFrom(
      "message_start",
      "content_block_start",
      "content_block_delta",
      "content_block_stop",
      "message_delta",
      "error",
      "tool_use",
      "thinking",
      "input_json_delta",
    ),
    fc.anything(),
  ],
});

test("nothing that an upstream sends makes the decoder throw", () => {
  fc.assert(
    fc.property(fc.array(fc.oneof(odd, fc.anything())), (events) => {
      expect(() => decode(events)).not.toThrow();
    }),
  );
});
