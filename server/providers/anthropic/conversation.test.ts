import * as fc from "fast-check";
import { expect, test } from "vitest";
import { z } from "zod";
import { chatMessage } from "../../../shared/openai/chat.ts";
import { Translation } from "../translation.ts";
import type { Block } from "./block.ts";
import { encodeMessages } from "./encode-messages.ts";
import { traitsOf } from "./model-traits.ts";
import type { Turn } from "./turns.ts";

type Message = Record<string, unknown>;

const words = fc.oneof(fc.string(), fc.constantFrom("", " ", "\n\n", "It is \n"));
const parts = fc.array(
  words.map((text) => ({ type: "text", text })),
  { maxLength: 3 },
);
const content = fc.oneof(words, parts);

const said = fc.record({
  role: fc.constantFrom("system", "developer", "user", "assistant"),
  content,
});

const thought = fc.constantFrom(
  { type: "thinking", thinking: "Hm", signature: "EqQB" },
  { type: "redacted_thinking", data: "EmwK" },
  { type: "thinking", thinking: "unsigned" },
);

/** Calls, and their answers in any order, with others speaking in between. */
const called = fc
  .record({
    ids: fc.uniqueArray(
      fc.nat().map((number) => `call_${number}`),
      { minLength: 1, maxLength: 3 },
    ),
    before: fc.option(words),
    thoughts: fc.array(thought, { maxLength: 2 }),
    between: fc.array(fc.record({ role: fc.constantFrom("system", "user"), content }), {
      maxLength: 2,
    }),
    result: content,
  })
  .chain(({ ids, before, thoughts, between, result }) => {
    const results = ids.map((id) => ({ role: "tool", tool_call_id: id, content: result }));
    const calls = ids.map((id) => ({ id, function: { name: "look", arguments: "{}" } }));
    const asked = {
      role: "assistant",
      content: before,
      tool_calls: calls,
      thinking_blocks: thoughts,
    };
    const answers = fc.shuffledSubarray<Message>([...results, ...between], {
      minLength: results.length + between.length,
    });
    return answers.map((answered): Message[] => [asked, ...answered]);
  });

/** Calls directly after one another would be one turn with answers in its middle. */
const messages = fc
  .array(
    fc.oneof(
      said.map((message): Message[] => [message]),
      called,
    ),
    { minLength: 1 },
  )
  .map((groups) => groups.flat());

function encode(
  list: Message[],
  model: string,
): { system: readonly Block[]; turns: readonly Turn[] } {
  const translation = new Translation({
    model,
    isStream: false,
    maxOutputTokens: undefined,
    dropsParameters: false,
  });
  return encodeMessages(z.array(chatMessage).parse(list), traitsOf(model), translation);
}

const model = fc.constantFrom("claude-sonnet-4-5", "claude-opus-5-5");

test("users and assistants take turns, and a user begins", () => {
  fc.assert(
    fc.property(messages, model, (list, name) => {
      const roles = encode(list, name)
        .turns.map(({ role }) => role)
        .filter((role) => role !== "system");

      expect(roles).toEqual(roles.map((_role, index) => (index % 2 === 0 ? "user" : "assistant")));
      expect(roles.length).toBeGreaterThan(0);
    }),
  );
});

test("a system's message follows a user's turn, and comes before an assistant's or last", () => {
  fc.assert(
    fc.property(messages, (list) => {
      const roles = encode(list, "claude-opus-5-5").turns.map(({ role }) => role);
      roles.forEach((role, index) => {
        if (role !== "system") return;
        expect(roles[index - 1]).toBe("user");
        expect(["assistant", undefined]).toContain(roles[index + 1]);
      });
    }),
  );
});

test("the results of calls, all of them and no others, begin the turn after the calls", () => {
  fc.assert(
    fc.property(messages, model, (list, name) => {
      const { turns } = encode(list, name);
      turns.forEach(({ role, content: blocks }, index) => {
        if (role !== "user") return;
        const results = blocks.filter(({ type }) => type === "tool_result");
        const calls = (turns[index - 1]?.content ?? []).filter(({ type }) => type === "tool_use");

        expect(blocks.slice(0, results.length)).toEqual(results);
        expect(results.map((block) => block["tool_use_id"]).toSorted()).toEqual(
          calls.map((block) => block["id"]).toSorted(),
        );
      });
    }),
  );
});

function textsOf(blocks: readonly Block[]): string[] {
  return blocks.flatMap((block) => {
    if (block.type === "text") return [String(block["text"])];
    const inner = block["content"];
    return Array.isArray(inner) ? textsOf(inner) : [];
  });
}

test("no text is blank, no turn is empty, no prefill ends in white space, and no word is lost", () => {
  fc.assert(
    fc.property(messages, model, (list, name) => {
      const { system, turns } = encode(list, name);
      const texts = [...textsOf(system), ...turns.flatMap((turn) => textsOf(turn.content))];
      const last = turns.at(-1);
      const prefill = last?.role === "assistant" ? textsOf(last.content).at(-1) : undefined;

      expect(texts.every((text) => text.trim() !== "")).toBe(true);
      expect(turns.every((turn) => turn.content.length > 0)).toBe(true);
      expect(prefill).toBe(prefill?.trimEnd());
      for (const text of list.flatMap((message) => textsIn(message["content"])))
        expect(texts.some((sent) => sent.includes(text.trim()))).toBe(true);
    }),
  );
});

function textsIn(of: unknown): string[] {
  if (typeof of === "string") return [of];
  return Array.isArray(of) ? of.map((part: { text: string }) => part.text) : [];
}
