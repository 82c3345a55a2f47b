import { describe, expect, test } from "vitest";
import { GatewayError } from "../../errors.ts";
import type { FinishReason, ModelEvent } from "../../providers/model-event.ts";
import { dataOf, head, streamed, usage } from "./fixtures/reply-events.ts";
import { MessageEncoder } from "./stream-encoder.ts";

function encode(...events: ModelEvent[]): Record<string, unknown>[] {
  return dataOf(streamed(new MessageEncoder(head), events));
}

/** Without the first event and the last two. */
function blocks(...events: ModelEvent[]): Record<string, unknown>[] {
  return encode(...events).slice(1, -2);
}

function callOf(index: number, name = "now"): ModelEvent {
  return { type: "tool-call", index, id: `call_${index}`, name };
}

function argumentsOf(index: number, json: string): ModelEvent {
  return { type: "tool-arguments-delta", index, json };
}

describe("a streamed reply", () => {
  test("is the events of Anthropic's stream, word for word", () => {
    const encoder = new MessageEncoder(head);

    expect(encoder.encode({ type: "start", id: "chatcmpl-1" })).toBe(
      'event: message_start\ndata: {"type":"message_start","message":{"id":"msg_0199f3a2","type":"message","role":"assistant","model":"fast","content":[],"stop_reason":null,"stop_sequence":null,"stop_details":null,"usage":{"input_tokens":42,"cache_creation_input_tokens":0,"cache_read_input_tokens":0,"output_tokens":0}}}\n\n',
    );
    expect(encoder.encode({ type: "text-delta", text: 'Say "hi"' })).toBe(
      'event: content_block_start\ndata: {"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}\n\n' +
        'event: content_block_delta\ndata: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"Say \\"hi\\""}}\n\n',
    );
    expect(encoder.encode({ type: "text-delta", text: "\n" })).toBe(
      'event: content_block_delta\ndata: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"\\n"}}\n\n',
    );
    expect(encoder.encode({ type: "finish", reason: "stop" })).toBe("");
    expect(encoder.encode({ type: "usage", usage })).toBe("");
    expect(encoder.end()).toBe(
      'event: content_block_stop\ndata: {"type":"content_block_stop","index":0}\n\n' +
        'event: message_delta\ndata: {"type":"message_delta","delta":{"stop_reason":"end_turn","stop_sequence":null,"stop_details":null},"usage":{"input_tokens":10,"cache_creation_input_tokens":7,"cache_read_input_tokens":20,"output_tokens":30,"output_tokens_details":{"thinking_tokens":12}}}\n\n' +
        'event: message_stop\ndata: {"type":"message_stop"}\n\n',
    );
  });

  test("seals a thought, and begins another block after it", () => {
    expect(
      blocks(
        { type: "reasoning-delta", text: "Hm" },
        { type: "reasoning-signature", signature: "c2ln" },
        { type: "reasoning-delta", text: "Ah" },
        { type: "reasoning-redacted", data: "EmwK" },
        { type: "text-delta", text: "Hi" },
      ),
    ).toEqual([
      {
        type: "content_block_start",
        index: 0,
        content_block: { type: "thinking", thinking: "", signature: "" },
      },
      {
        type: "content_block_delta",
        index: 0,
        delta: { type: "thinking_delta", thinking: "Hm" },
      },
      {
        type: "content_block_delta",
        index: 0,
        delta: { type: "signature_delta", signature: "c2ln" },
      },
      { type: "content_block_stop", index: 0 },
      {
        type: "content_block_start",
        index: 1,
        content_block: { type: "thinking", thinking: "", signature: "" },
      },
      {
        type: "content_block_delta",
        index: 1,
        delta: { type: "thinking_delta", thinking: "Ah" },
      },
      { type: "content_block_stop", index: 1 },
      {
        type: "content_block_start",
        index: 2,
        content_block: { type: "redacted_thinking", data: "EmwK" },
      },
      { type: "content_block_stop", index: 2 },
      { type: "content_block_start", index: 3, content_block: { type: "text", text: "" } },
      { type: "content_block_delta", index: 3, delta: { type: "text_delta", text: "Hi" } },
      { type: "content_block_stop", index: 3 },
    ]);
  });

  test("seals a thought of which nothing was shown", () => {
    expect(blocks({ type: "reasoning-signature", signature: "c2ln" })).toMatchObject([
      { type: "content_block_start", content_block: { type: "thinking" } },
      { delta: { type: "signature_delta", signature: "c2ln" } },
      { type: "content_block_stop" },
    ]);
  });

  test("passes the arguments of calls on as they come, one call after the other", () => {
    const encoder = new MessageEncoder(head);
    encoder.encode({ type: "start", id: "chatcmpl-1" });

    expect(dataOf(encoder.encode(callOf(0)))).toEqual([
      {
        type: "content_block_start",
        index: 0,
        content_block: { type: "tool_use", id: "call_0", name: "now", input: {} },
      },
    ]);
    expect(dataOf(encoder.encode(argumentsOf(0, '{"zone":')))).toEqual([
      {
        type: "content_block_delta",
        index: 0,
        delta: { type: "input_json_delta", partial_json: '{"zone":' },
      },
    ]);
    encoder.encode(argumentsOf(0, '"UTC"}'));
    expect(dataOf(encoder.encode(callOf(1)))).toMatchObject([
      { type: "content_block_stop", index: 0 },
      { type: "content_block_start", index: 1, content_block: { id: "call_1" } },
    ]);
  });

  test("holds a call back whose arguments come between those of another", () => {
    const events = blocks(
      callOf(0),
      callOf(1),
      argumentsOf(0, "{"),
      argumentsOf(1, '{"a"'),
      argumentsOf(0, "}"),
      callOf(2),
      argumentsOf(1, ":1}"),
      argumentsOf(2, "{}"),
      { type: "text-delta", text: "Done" },
    );

    expect(events).toMatchObject([
      { type: "content_block_start", index: 0, content_block: { id: "call_0" } },
      { index: 0, delta: { partial_json: "{" } },
      { index: 0, delta: { partial_json: "}" } },
      { type: "content_block_stop", index: 0 },
      { type: "content_block_start", index: 1, content_block: { id: "call_1" } },
      { index: 1, delta: { partial_json: '{"a":1}' } },
      { type: "content_block_stop", index: 1 },
      { type: "content_block_start", index: 2, content_block: { id: "call_2" } },
      { index: 2, delta: { partial_json: "{}" } },
      { type: "content_block_stop", index: 2 },
      { type: "content_block_start", index: 3, content_block: { type: "text" } },
      { index: 3, delta: { text: "Done" } },
      { type: "content_block_stop", index: 3 },
    ]);
  });

  test("leaves images and empty pieces out", () => {
    expect(
      blocks(
        { type: "text-delta", text: "" },
        { type: "reasoning-delta", text: "" },
        { type: "image", mediaType: "image/png", data: "iVBO" },
      ),
    ).toEqual([]);
  });

  test.each<[FinishReason, string]>([
    ["stop", "end_turn"],
    ["length", "max_tokens"],
    ["tool-calls", "tool_use"],
    ["content-filter", "refusal"],
    ["pause", "pause_turn"],
  ])("that ends with %s says %s", (reason, stopReason) => {
    expect(encode({ type: "finish", reason }).at(-2)).toMatchObject({
      delta: { stop_reason: stopReason, stop_sequence: null },
    });
  });

  test("says which stop sequence ended it", () => {
    expect(encode({ type: "finish", reason: "stop", stopSequence: "END" }).at(-2)).toMatchObject({
      delta: { stop_reason: "stop_sequence", stop_sequence: "END" },
    });
  });

  test("says that it calls tools where its upstream says no more than that it stopped", () => {
    expect(encode(callOf(0), { type: "finish", reason: "stop" }).at(-2)).toMatchObject({
      delta: { stop_reason: "tool_use" },
    });
  });

  test("shows a refusal as text, and says that it is one", () => {
    const events = encode(
      { type: "refusal-delta", text: "I cannot" },
      { type: "finish", reason: "stop" },
    );

    expect(events[2]).toMatchObject({ delta: { type: "text_delta", text: "I cannot" } });
    expect(events.at(-2)).toMatchObject({ delta: { stop_reason: "refusal" } });
  });

  test("of nothing is a whole message, with the estimate of its prompt", () => {
    expect(encode()).toMatchObject([
      { type: "message_start" },
      { type: "message_delta", usage: { input_tokens: 42, output_tokens: 0 } },
      { type: "message_stop" },
    ]);
  });

  test("that breaks off tells why, and is not told to be whole", () => {
    const encoder = new MessageEncoder(head);
    const error = new GatewayError("upstream_timeout", "The upstream fell silent");

    expect(encoder.fail(error)).toBe(
      'event: error\ndata: {"type":"error","error":{"type":"timeout_error","message":"The upstream fell silent"}}\n\n',
    );
  });
});
