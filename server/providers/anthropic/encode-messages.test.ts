import { expect, test } from "vitest";
import { z } from "zod";
import { chatMessage } from "../../../shared/openai/chat.ts";
import { Translation } from "../translation.ts";
import { type Conversation, encodeMessages } from "./encode-messages.ts";
import { traitsOf } from "./model-traits.ts";

function encode(
  messages: readonly Record<string, unknown>[],
  model = "claude-sonnet-4-5",
): Conversation & { dropped: readonly string[] } {
  const translation = new Translation({
    model,
    isStream: false,
    maxOutputTokens: undefined,
    dropsParameters: false,
  });
  const parsed = z.array(chatMessage).parse(messages);
  return { ...encodeMessages(parsed, traitsOf(model), translation), dropped: translation.dropped };
}

const text = (words: string) => ({ type: "text", text: words });
const user = (words: string) => ({ role: "user", content: words });
const assistant = (words: string) => ({ role: "assistant", content: words });
const mark = { cache_control: { type: "ephemeral", ttl: "1h" } };
const call = (id: string, json = "{}") => ({ id, function: { name: "look", arguments: json } });
const use = (id: string, input = {}) => ({ type: "tool_use", id, name: "look", input });

test("what the system says first goes before the conversation, with its marks", () => {
  const { system, turns } = encode([
    { role: "system", content: [{ ...text("a"), ...mark }, text("b")] },
    { role: "developer", content: "c", cache_control: { type: "ephemeral" } },
    user("hi"),
  ]);

  expect(system).toEqual([
    { ...text("a"), ...mark },
    text("b"),
    { ...text("c"), cache_control: { type: "ephemeral" } },
  ]);
  expect(turns).toEqual([{ role: "user", content: [text("hi")] }]);
});

const interrupted = [
  user("hi"),
  assistant("hello"),
  { role: "system", content: "In French" },
  user("how?"),
];

test("what the system says later stays in its place, in the user's turn", () => {
  expect(encode(interrupted).turns.at(-1)).toEqual({
    role: "user",
    content: [text("<system>\nIn French\n</system>"), text("how?")],
  });
});

test("a model that takes a system's messages gets it as one, behind the user's turn", () => {
  expect(encode(interrupted, "claude-opus-5-5").turns.slice(-2)).toEqual([
    { role: "user", content: [text("how?")] },
    { role: "system", content: [text("In French")] },
  ]);
});

test("where the user says nothing beside it, the system speaks in the user's place", () => {
  const messages = [user("hi"), assistant("hello"), { role: "system", content: "Go on" }];

  expect(encode(messages, "claude-opus-5-5").turns.at(-1)).toEqual({
    role: "user",
    content: [text("<system>\nGo on\n</system>")],
  });
});

test("messages of one role are one turn", () => {
  expect(encode([user("a"), user("b"), assistant("c"), assistant("d"), user("e")]).turns).toEqual([
    { role: "user", content: [text("a"), text("b")] },
    { role: "assistant", content: [text("c"), text("d")] },
    { role: "user", content: [text("e")] },
  ]);
});

test("a conversation that an assistant begins, or nobody, has a beginning made for it", () => {
  const begin = { role: "user", content: [text("(begin)")] };

  expect(encode([assistant("hi"), user("yes")]).turns[0]).toEqual(begin);
  expect(encode([{ role: "system", content: "Write a poem" }]).turns).toEqual([begin]);
});

test("blank text is left out, and so is a message of nothing else", () => {
  const messages = [user("a"), assistant(" \n"), { role: "user", content: [text(""), text("b")] }];

  expect(encode(messages).turns).toEqual([{ role: "user", content: [text("a"), text("b")] }]);
});

test("an answer that has begun ends without white space", () => {
  expect(encode([user("a"), assistant("It is \n")]).turns.at(-1)).toEqual({
    role: "assistant",
    content: [text("It is")],
  });
});

test("results stand first in the turn after their calls, in their order", () => {
  const { turns } = encode([
    user("look"),
    { role: "assistant", content: "I will", tool_calls: [call("a", '{"at":1}'), call("b")] },
    { role: "tool", tool_call_id: "b", content: "two" },
    user("quick"),
    { role: "tool", tool_call_id: "a", content: [text("one")], ...mark },
  ]);

  expect(turns.slice(1)).toEqual([
    { role: "assistant", content: [text("I will"), use("a", { at: 1 }), use("b")] },
    {
      role: "user",
      content: [
        { type: "tool_result", tool_use_id: "b", content: [text("two")] },
        { type: "tool_result", tool_use_id: "a", content: [text("one")], ...mark },
        text("quick"),
      ],
    },
  ]);
});

test("a result may be empty, an error, or a picture", () => {
  const image = { type: "image_url", image_url: { url: "data:image/png;base64,iVBOR" } };
  const { turns } = encode([
    user("look"),
    { role: "assistant", tool_calls: [call("a"), call("b"), call("c")] },
    { role: "tool", tool_call_id: "a", content: "" },
    { role: "tool", tool_call_id: "b", content: "no", is_error: true },
    { role: "tool", tool_call_id: "c", content: [image] },
  ]);

  expect(turns.at(-1)?.content).toEqual([
    { type: "tool_result", tool_use_id: "a" },
    { type: "tool_result", tool_use_id: "b", content: [text("no")], is_error: true },
    {
      type: "tool_result",
      tool_use_id: "c",
      content: [
        { type: "image", source: { type: "base64", media_type: "image/png", data: "iVBOR" } },
      ],
    },
  ]);
});

test("ids of other providers' calls are put into characters that Anthropic takes", () => {
  const { turns } = encode([
    user("look"),
    { role: "assistant", tool_calls: [call("functions.look:0", "")] },
    { role: "tool", tool_call_id: "functions.look:0", content: "one" },
  ]);

  expect(turns[1]?.content).toEqual([use("functions_look_0")]);
  expect(turns[2]?.content).toMatchObject([{ tool_use_id: "functions_look_0" }]);
});

test("thoughts come first; one without a signature is left out, and told", () => {
  const blocks = [
    { type: "thinking", thinking: "Hm", signature: "EqQB" },
    { type: "redacted_thinking", data: "EmwK" },
    { type: "thinking", thinking: "unsigned" },
  ];
  const signed = encode([
    user("a"),
    { ...assistant("b"), thinking_blocks: blocks, reasoning_content: "Hm" },
    user("c"),
  ]);

  expect(signed.turns[1]?.content).toEqual([blocks[0], blocks[1], text("b")]);
  expect(signed.dropped).toEqual([]);
  expect(
    encode([user("a"), { ...assistant("b"), reasoning_content: "Hm" }, user("c")]).dropped,
  ).toEqual(["reasoning_content"]);
});

test("a refusal is what the assistant said", () => {
  const messages = [
    user("a"),
    { role: "assistant", refusal: "I won't" },
    user("b"),
    { role: "assistant", content: [{ type: "refusal", refusal: "Never" }] },
    user("c"),
  ];
  const { turns } = encode(messages);

  expect([turns[1]?.content, turns[3]?.content]).toEqual([[text("I won't")], [text("Never")]]);
});

test("marks of parts, calls and messages are kept, but for a thought, which takes none", () => {
  const thought = { type: "thinking", thinking: "Hm", signature: "EqQB" };
  const { turns } = encode([
    { role: "user", content: [{ ...text("a"), ...mark }, text("b")] },
    { role: "assistant", content: null, tool_calls: [{ ...call("x"), ...mark }] },
    { role: "tool", tool_call_id: "x", content: "y" },
    { role: "assistant", thinking_blocks: [thought], ...mark },
    { role: "user", content: [text("c"), text("d")], ...mark },
  ]);

  expect(turns[0]?.content).toEqual([{ ...text("a"), ...mark }, text("b")]);
  expect(turns[1]?.content).toEqual([{ ...use("x"), ...mark }]);
  expect(turns[3]?.content).toEqual([thought]);
  expect(turns[4]?.content).toEqual([text("c"), { ...text("d"), ...mark }]);
});

test("a speaker's name is left out, and told", () => {
  expect(encode([{ ...user("a"), name: "Ann" }]).dropped).toEqual(["name"]);
});

const dangling = { role: "assistant", tool_calls: [call("a"), call("b")] };

test.each<[string, string, Record<string, unknown>[]]>([
  [
    "arguments that are cut off",
    "messages.1.tool_calls.0.function.arguments",
    [user("a"), { role: "assistant", tool_calls: [call("a", '{"at":')] }],
  ],
  [
    "arguments that are no object",
    "messages.0.tool_calls.1.function.arguments",
    [{ role: "assistant", tool_calls: [call("a"), call("b", "[1]")] }],
  ],
  [
    "a call without an answer",
    "messages.1.tool_calls.1.id",
    [user("a"), dangling, { role: "tool", tool_call_id: "a", content: "x" }, assistant("b")],
  ],
  ["a call at the end", "messages.1.tool_calls.0.id", [user("a"), dangling]],
  [
    "an answer without a call",
    "messages.1.tool_call_id",
    [user("a"), { role: "tool", tool_call_id: "a", content: "x" }],
  ],
  [
    "a picture from the system",
    "messages.0.content.0",
    [{ role: "system", content: [{ type: "image_url", image_url: { url: "https://a.b/c.png" } }] }],
  ],
  [
    "a picture from the assistant",
    "messages.0.content.0",
    [
      {
        role: "assistant",
        content: [{ type: "image_url", image_url: { url: "https://a.b/c.png" } }],
      },
    ],
  ],
  [
    "sound",
    "messages.0.content.0",
    [
      {
        role: "user",
        content: [{ type: "input_audio", input_audio: { data: "UklG", format: "wav" } }],
      },
    ],
  ],
])("%s is refused with its place, %s", (_what, param, messages) => {
  expect(() => encode(messages)).toThrow(
    expect.objectContaining({ code: "invalid_request", details: { param } }),
  );
});
