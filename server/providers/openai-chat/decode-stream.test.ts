import { expect, test } from "vitest";
import { responses } from "../../dialects/responses/responses.ts";
import { recorded } from "../../testing/recorded.ts";
import type { ModelEvent } from "../model-event.ts";
import { createDecoder } from "./decode-stream.ts";

function decode(fixture: string): ModelEvent[] {
  const decoder = createDecoder();
  return recorded(`openai-chat/${fixture}.sse`)
    .split("\n")
    .filter((line) => line.startsWith("data: {"))
    .flatMap((line) => decoder(JSON.parse(line.slice("data: ".length))));
}

test("calls that an upstream interleaves come one after the other, each with its arguments", () => {
  expect(decode("interleaved-tools").slice(1, -1)).toEqual([
    { type: "text-delta", text: "Both at once." },
    { type: "tool-call", index: 0, id: "call_a", name: "weather" },
    { type: "tool-arguments-delta", index: 0, json: '{"town":' },
    { type: "tool-arguments-delta", index: 0, json: '"Graz"}' },
    { type: "tool-call", index: 1, id: "call_b", name: "weather" },
    { type: "tool-arguments-delta", index: 1, json: '{"town":' },
    { type: "tool-arguments-delta", index: 1, json: '"Wien"}' },
    { type: "finish", reason: "tool-calls" },
  ]);
});

test("a client of Responses gets the arguments of calls that came interleaved: all but the last were empty", () => {
  const request = { model: "m", input: "hi" };
  const head = { id: "1", model: "m", createdAtMs: 0, request, promptTokens: 1 };

  const encoder = responses.createEncoder(head);
  for (const event of decode("interleaved-tools")) encoder.encode(event);
  const last = encoder.end().split("data: ").at(-1) ?? "";

  expect(JSON.parse(last).response.output).toMatchObject([
    { type: "message" },
    { type: "function_call", call_id: "call_a", arguments: '{"town":"Graz"}' },
    { type: "function_call", call_id: "call_b", arguments: '{"town":"Wien"}' },
  ]);
});
