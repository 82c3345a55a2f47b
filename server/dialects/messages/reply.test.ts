import Anthropic from "@anthropic-ai/sdk";
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { GatewayError } from "../../errors.ts";
import type { ModelEvent } from "../../providers/model-event.ts";
import { head, streamed, usage } from "./fixtures/reply-events.ts";
import { encodeReply } from "./reply.ts";
import { MessageEncoder } from "./stream-encoder.ts";

/** What Anthropic's own client puts together of the stream. */
async function accumulated(events: readonly ModelEvent[]): Promise<unknown> {
  const client = new Anthropic({
    apiKey: "none",
    fetch: async () =>
      new Response(streamed(new MessageEncoder(head), events), {
        headers: { "content-type": "text/event-stream" },
      }),
  });
  const stream = client.messages.stream({ model: "m", max_tokens: 1, messages: [] });
  return plain(await stream.finalMessage());
}

/** As it goes over the wire. What the client adds of its own is taken off. */
function plain(message: object): unknown {
  const { parsed_output: _, ...rest } = JSON.parse(JSON.stringify(message));
  for (const block of rest.content) delete block.parsed_output;
  return rest;
}

const text = fc.string({ unit: "grapheme" });
const said: fc.Arbitrary<ModelEvent[]> = fc.oneof(
  text.map((piece): ModelEvent[] => [{ type: "text-delta", text: piece }]),
  text.map((piece): ModelEvent[] => [{ type: "refusal-delta", text: piece }]),
  text.map((piece): ModelEvent[] => [{ type: "reasoning-delta", text: piece }]),
  text.map((signature): ModelEvent[] => [{ type: "reasoning-signature", signature }]),
  text.map((data): ModelEvent[] => [{ type: "reasoning-redacted", data }]),
  fc.constant<ModelEvent[]>([{ type: "image", mediaType: "image/png", data: "iVBO" }]),
);

const input = fc.dictionary(fc.stringMatching(/^[a-z]{1,8}$/), fc.jsonValue({ maxDepth: 2 }));

/** One call in pieces. Nothing at all is an empty input too. */
const call = fc
  .record({
    id: text,
    name: fc.string({ minLength: 1 }),
    input,
    cut: fc.nat(),
    signed: fc.boolean(),
  })
  .map(({ id, name, input: given, cut, signed }) => {
    const json = Object.keys(given).length === 0 ? "" : JSON.stringify(given);
    const middle = json === "" ? 0 : cut % json.length;
    return (index: number): ModelEvent[] => [
      { type: "tool-call", index, id, name, ...(signed && { thoughtSignature: "c2ln" }) },
      { type: "tool-arguments-delta", index, json: json.slice(0, middle) },
      { type: "tool-arguments-delta", index, json: json.slice(middle) },
    ];
  });

/** Calls one after the other, or each piece beside those of the others, with or without empty texts in between. */
const calls = fc
  .tuple(fc.array(call, { maxLength: 4 }), fc.boolean(), fc.boolean())
  .map(([made, interleaves, isNoisy]) => {
    const pieces = made.map((make, index) => make(index));
    const ordered = interleaves
      ? [0, 1, 2].flatMap((step) => pieces.flatMap((events) => events.slice(step, step + 1)))
      : pieces.flat();
    return isNoisy ? ordered.flatMap((event) => [event, silence]) : ordered;
  });
const silence: ModelEvent = { type: "text-delta", text: "" };

const ending: fc.Arbitrary<ModelEvent[]> = fc.constantFrom<ModelEvent[]>(
  [],
  [{ type: "finish", reason: "stop" }],
  [
    { type: "usage", usage },
    { type: "finish", reason: "stop", stopSequence: "END" },
  ],
  [
    { type: "finish", reason: "tool-calls" },
    { type: "usage", usage: { ...usage, reasoning: 0 } },
  ],
);

const reply = fc
  .tuple(fc.array(said, { maxLength: 8 }), calls, fc.array(said, { maxLength: 4 }), ending)
  .map(([before, made, after, end]) => [...before.flat(), ...made, ...after.flat(), ...end]);

test("a whole message is what Anthropic's client puts together of the stream", async () => {
  await fc.assert(
    fc.asyncProperty(reply, async (events) => {
      expect(await accumulated(events)).toEqual(encodeReply(events, head));
    }),
  );
});

test("a whole message has its blocks in order, its end and its usage", () => {
  const events: ModelEvent[] = [
    { type: "start", id: "chatcmpl-1" },
    { type: "reasoning-delta", text: "Hm" },
    { type: "reasoning-signature", signature: "c2ln" },
    { type: "text-delta", text: "Let me " },
    { type: "text-delta", text: "look" },
    { type: "tool-call", index: 0, id: "call_1", name: "now" },
    { type: "tool-arguments-delta", index: 0, json: '{"zone":"UTC"}' },
    { type: "usage", usage },
    { type: "finish", reason: "tool-calls" },
  ];

  expect(encodeReply(events, head)).toEqual({
    id: "msg_0199f3a2",
    type: "message",
    role: "assistant",
    model: "fast",
    content: [
      { type: "thinking", thinking: "Hm", signature: "c2ln" },
      { type: "text", text: "Let me look" },
      { type: "tool_use", id: "call_1", name: "now", input: { zone: "UTC" } },
    ],
    stop_reason: "tool_use",
    stop_sequence: null,
    stop_details: null,
    usage: {
      input_tokens: 10,
      cache_creation_input_tokens: 7,
      cache_read_input_tokens: 20,
      output_tokens: 30,
      output_tokens_details: { thinking_tokens: 12 },
    },
  });
});

test("arguments that were cut off are an empty input", () => {
  const events: ModelEvent[] = [
    { type: "tool-call", index: 0, id: "call_1", name: "now" },
    { type: "tool-arguments-delta", index: 0, json: '{"zone":"U' },
    { type: "finish", reason: "length" },
  ];

  expect(encodeReply(events, head)).toMatchObject({
    content: [{ type: "tool_use", input: {} }],
    stop_reason: "max_tokens",
  });
});

test.each(['{"zone":"U', "now", '["UTC"]', "null"])(
  "arguments that nothing cut off, %j, fail the reply: they were an empty input, and clients ran the call",
  (json) => {
    const events: ModelEvent[] = [
      { type: "tool-call", index: 0, id: "call_1", name: "now" },
      { type: "tool-arguments-delta", index: 0, json },
      { type: "finish", reason: "tool-calls" },
    ];

    expect(() => encodeReply(events, head)).toThrow(
      new GatewayError(
        "upstream_failed",
        'Cannot read the arguments that the model gave to "now": they are no JSON object',
      ),
    );
  },
);
