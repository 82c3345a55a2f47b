import * as fc from "fast-check";
import { expect, test } from "vitest";
import type { ModelEvent } from "../model-event.ts";
import { decodeReply } from "./decode-reply.ts";
import { createDecoder } from "./decode-stream.ts";

const message = {
  id: "msg_013Zva2CMHLNnXjNJJKqJ2EF",
  type: "message",
  role: "assistant",
  model: "claude-opus-5-5",
  content: [
    { type: "thinking", thinking: "Two cities.", signature: "EqQB" },
    { type: "redacted_thinking", data: "EmwK" },
    { type: "text", text: "I'll check.", citations: null },
    { type: "server_tool_use", id: "srvtoolu_1", name: "web_search", input: { query: "Paris" } },
    { type: "tool_use", id: "toolu_1", name: "get_weather", input: { city: "Paris" } },
    { type: "tool_use", id: "toolu_2", name: "get_time", input: {} },
  ],
  stop_reason: "tool_use",
  stop_sequence: null,
  stop_details: null,
  usage: {
    input_tokens: 20,
    cache_creation_input_tokens: 0,
    cache_read_input_tokens: 0,
    output_tokens: 40,
  },
};

test("a whole message is the list of its events", () => {
  expect(decodeReply(message)).toEqual([
    { type: "start", id: "msg_013Zva2CMHLNnXjNJJKqJ2EF" },
    { type: "reasoning-delta", text: "Two cities." },
    { type: "reasoning-signature", signature: "EqQB" },
    { type: "reasoning-redacted", data: "EmwK" },
    { type: "text-delta", text: "I'll check." },
    { type: "tool-call", index: 0, id: "toolu_1", name: "get_weather" },
    { type: "tool-arguments-delta", index: 0, json: '{"city":"Paris"}' },
    { type: "tool-call", index: 1, id: "toolu_2", name: "get_time" },
    { type: "tool-arguments-delta", index: 1, json: "{}" },
    {
      type: "usage",
      usage: {
        input: 20,
        cache_read: 0,
        cache_write: 0,
        cache_write_1h: 0,
        input_audio: 0,
        output: 40,
        reasoning: 0,
        output_audio: 0,
      },
    },
    { type: "finish", reason: "tool-calls" },
  ]);
});

test("an error with status 200 is an error", () => {
  const error = { type: "overloaded_error", message: "Overloaded" };

  expect(decodeReply({ type: "error", error })).toEqual([
    { type: "error", message: "Overloaded", code: "overloaded_error" },
  ]);
});

test.each([undefined, null, "text", [], {}, { choices: [] }])("%j is no answer", (body) => {
  expect(decodeReply(body)).toEqual([]);
});

test("nothing that an upstream sends makes it throw", () => {
  const odd = fc.record({
    type: fc.anything(),
    content: fc.array(fc.anything()),
    usage: fc.anything(),
  });
  fc.assert(fc.property(fc.oneof(odd, fc.anything()), (body) => void decodeReply(body)));
});

/** Pieces of one thing in one, since a stream cuts them anywhere, and usage as it was in the end. */
function join(events: readonly ModelEvent[]): ModelEvent[] {
  const joined: ModelEvent[] = [];
  const usage = events.findLast(({ type }) => type === "usage");
  for (const event of events) {
    const last = joined.at(-1);
    if (event.type === "usage") continue;
    if (event.type === "text-delta" && last?.type === "text-delta")
      joined[joined.length - 1] = { ...event, text: last.text + event.text };
    else if (event.type === "reasoning-delta" && last?.type === "reasoning-delta")
      joined[joined.length - 1] = { ...event, text: last.text + event.text };
    else if (event.type === "tool-arguments-delta" && last?.type === "tool-arguments-delta")
      joined[joined.length - 1] = { ...event, json: last.json + event.json };
    else joined.push(event);
  }
  return usage ? [...joined, usage] : joined;
}

const word = fc.string({ minLength: 1 });

const block = fc.oneof(
  fc.record({ type: fc.constant("text"), text: fc.string() }),
  fc.record({ type: fc.constant("thinking"), thinking: fc.string(), signature: word }),
  fc.record({ type: fc.constant("redacted_thinking"), data: word }),
  fc.record({
    type: fc.constantFrom("tool_use", "server_tool_use"),
    id: word,
    name: word,
    input: fc.dictionary(fc.string(), fc.jsonValue(), { noNullPrototype: true }),
  }),
);

type Block = { [Name in "text" | "thinking" | "signature" | "input"]?: unknown } & { type: string };

const wholeMessage = fc.record({
  id: word,
  content: fc.array(block),
  stop_reason: fc.constantFrom("end_turn", "max_tokens", "tool_use", "stop_sequence"),
  stop_sequence: fc.option(word),
  usage: fc.record({
    input_tokens: fc.nat(),
    cache_read_input_tokens: fc.nat(),
    output_tokens: fc.nat(),
  }),
});

function halves(text: string): [string, string] {
  const middle = Math.floor(text.length / 2);
  return [text.slice(0, middle), text.slice(middle)];
}

function streamOfBlock(whole: Block, index: number): unknown[] {
  const delta = (part: object) => ({ type: "content_block_delta", index, delta: part });
  const opening = (content_block: object) => ({
    type: "content_block_start",
    index,
    content_block,
  });
  const stop = { type: "content_block_stop", index };
  if (whole.type === "text") {
    const parts = halves(String(whole.text)).map((text) => delta({ type: "text_delta", text }));
    return [opening({ ...whole, text: "" }), ...parts, stop];
  }
  if (whole.type === "thinking") {
    const { thinking, signature } = whole;
    const parts = halves(String(thinking)).map((part) =>
      delta({ type: "thinking_delta", thinking: part }),
    );
    const seal = delta({ type: "signature_delta", signature });
    return [opening({ ...whole, thinking: "", signature: "" }), ...parts, seal, stop];
  }
  if (whole.type === "redacted_thinking") return [opening(whole), stop];
  const json = Object.keys(Object(whole.input)).length === 0 ? "" : JSON.stringify(whole.input);
  const parts = ["", ...halves(json)].map((partial_json) =>
    delta({ type: "input_json_delta", partial_json }),
  );
  return [opening({ ...whole, input: {} }), ...parts, stop];
}

test("a message says the same whole and streamed", () => {
  fc.assert(
    fc.property(wholeMessage, ({ content, usage, ...rest }) => {
      const { id, ...ending } = rest;
      const decoder = createDecoder();
      const started = { ...usage, input_tokens: 1, output_tokens: 1 };
      const streamed = [
        { type: "message_start", message: { id, content: [], usage: started } },
        { type: "ping" },
        ...content.flatMap(streamOfBlock),
        { type: "message_delta", delta: ending, usage },
        { type: "message_stop" },
      ].flatMap((event) => decoder(event));

      expect(join(streamed)).toEqual(join(decodeReply({ ...rest, content, usage })));
    }),
  );
});
