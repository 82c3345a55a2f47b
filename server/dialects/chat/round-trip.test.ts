import * as fc from "fast-check";
import { expect, test } from "vitest";
import { openAiChat } from "../../providers/openai-chat/adapter.ts";
import type { ModelEvent } from "../../providers/model-event.ts";
import { joined, someReply } from "../../testing/model-events.ts";
import type { ReplyHead } from "../dialect.ts";
import { chat } from "./dialect.ts";

const head: ReplyHead = {
  id: "1",
  model: "gpt",
  createdAtMs: 0,
  request: { stream_options: { include_usage: true } },
  promptTokens: 0,
};

const adapter = openAiChat({ unsupported: [] });

/** OpenAI's format has no word for whose thought is whose: signatures are checked by themselves. */
const withoutSignatures = (events: readonly ModelEvent[]) =>
  joined(events.filter(({ type }) => type !== "reasoning-signature"));

const order = (list: readonly ModelEvent[]) =>
  list.toSorted((left, right) => left.type.localeCompare(right.type));

test("what a model says is the same once it went through OpenAI's stream", () => {
  fc.assert(
    fc.property(someReply, (events) => {
      const encoder = chat.createEncoder(head);
      const stream = events.map((event) => encoder.encode(event)).join("") + encoder.end();
      const decode = adapter.createDecoder();
      const chunks = stream.split("\n\n").filter((event) => event !== "");
      const read = chunks.slice(0, -1).flatMap((event) => decode(JSON.parse(event.slice(6))));
      expect(chunks.at(-1)).toBe("data: [DONE]");
      expect(joined(read)).toEqual(withoutSignatures(events));
    }),
  );
});

test("and through a whole reply", () => {
  fc.assert(
    fc.property(someReply, (events) => {
      const reply = JSON.parse(JSON.stringify(chat.encodeReply(events, head)));
      const read = adapter.decodeReply(reply);
      expect(order(joined(read))).toEqual(order(withoutSignatures(events)));
    }),
  );
});

test("a thought is told with its signature, as a block and in words", () => {
  const events: ModelEvent[] = [
    { type: "reasoning-delta", text: "Let me " },
    { type: "reasoning-delta", text: "see" },
    { type: "reasoning-signature", signature: "c2ln" },
    { type: "reasoning-redacted", data: "c2VhbGVk" },
    { type: "text-delta", text: "42" },
    { type: "finish", reason: "stop" },
  ];

  expect(chat.encodeReply(events, head)).toMatchObject({
    choices: [
      {
        message: {
          content: "42",
          reasoning_content: "Let me see",
          thinking_blocks: [
            { type: "thinking", thinking: "Let me see", signature: "c2ln" },
            { type: "redacted_thinking", data: "c2VhbGVk" },
          ],
        },
      },
    ],
  });
  const encoder = chat.createEncoder(head);
  const stream = events.map((event) => encoder.encode(event)).join("");
  expect(stream).toContain(
    '"thinking_blocks":[{"type":"thinking","thinking":"Let me see","signature":"c2ln"}]',
  );
});

test("a stream's usage is told only to who asked for it", () => {
  const encoder = chat.createEncoder({ ...head, request: {} });
  encoder.encode({
    type: "usage",
    usage: {
      input: 1,
      cache_read: 0,
      cache_write: 0,
      cache_write_1h: 0,
      input_audio: 0,
      output: 1,
      reasoning: 0,
      output_audio: 0,
    },
  });

  expect(encoder.end()).not.toContain("usage");
});
