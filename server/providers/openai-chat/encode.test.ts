import { expect, test } from "vitest";
import { chat as chatSchema } from "../../../shared/openai/chat.ts";
import { openAiChat } from "./adapter.ts";

const target = {
  model: "gpt-real",
  isStream: false,
  maxOutputTokens: undefined,
  dropsParameters: false,
};

function encode(request: Record<string, unknown>, provider = {}, changes = {}) {
  const chat = chatSchema.parse({
    model: "asked",
    messages: [{ role: "user", content: "Hi" }],
    ...request,
  });
  return openAiChat({ unsupported: ["seed"], ...provider }).encode(chat, { ...target, ...changes });
}

test("what other formats say beyond OpenAI's does not reach an upstream that would refuse it", () => {
  const { body, dropped } = encode({
    messages: [
      {
        role: "system",
        content: [{ type: "text", text: "Be brief", cache_control: { type: "ephemeral" } }],
      },
      { role: "user", content: "Weather?" },
      {
        role: "assistant",
        content: null,
        reasoning_content: "hm",
        thinking_blocks: [{ type: "thinking", thinking: "hm", signature: "c2ln" }],
        tool_calls: [
          {
            id: "c1",
            type: "function",
            function: { name: "weather", arguments: "{}" },
            extra_content: { google: { thought_signature: "x" } },
          },
        ],
      },
      { role: "tool", tool_call_id: "c1", content: "Rain" },
    ],
    thinking: { type: "enabled", budget_tokens: 2000 },
    top_k: 5,
  });

  expect(body["messages"]).toEqual([
    { role: "system", content: [{ type: "text", text: "Be brief" }] },
    { role: "user", content: "Weather?" },
    {
      role: "assistant",
      tool_calls: [{ id: "c1", type: "function", function: { name: "weather", arguments: "{}" } }],
    },
    { role: "tool", tool_call_id: "c1", content: "Rain" },
  ]);
  expect(body).not.toHaveProperty("thinking");
  expect(dropped).toEqual(["thinking", "top_k", "reasoning_content"]);
});

const loop = [
  { role: "user", content: "Weather?" },
  {
    role: "assistant",
    content: null,
    reasoning_content: "Ask the tool",
    thinking_blocks: [{ type: "thinking", thinking: "Ask the tool", signature: "c2ln" }],
    tool_calls: [{ id: "c1", type: "function", function: { name: "weather", arguments: "{}" } }],
  },
  { role: "tool", tool_call_id: "c1", content: "No such town", is_error: true },
];

test.each(["reasoning_content", "reasoning"] as const)(
  "a provider that goes on from its thoughts has them back as %s: DeepSeek refused the second step with a tool",
  (thoughtsField) => {
    const { body, dropped } = encode({ messages: loop }, { thoughtsField });

    expect(body["messages"]).toEqual([
      loop[0],
      { role: "assistant", tool_calls: loop[1]?.tool_calls, [thoughtsField]: "Ask the tool" },
      { role: "tool", tool_call_id: "c1", content: "No such town" },
    ]);
    expect(dropped).toEqual(["is_error"]);
  },
);

test("a provider that misses thoughts which nobody has kept is sent empty ones", () => {
  const provider = { thoughtsField: "reasoning_content", requiresThoughts: true } as const;
  const said = { role: "assistant", content: "Hello" };
  expect(encode({ messages: [said] }, provider).body["messages"]).toEqual([
    { ...said, reasoning_content: "" },
  ]);
});

test("a developer's message is a system's, as which all know it: most refuse the other role, which Codex sends", () => {
  expect(encode({ messages: [{ role: "developer", content: "Be brief" }] }).body).toMatchObject({
    messages: [{ role: "system", content: "Be brief" }],
  });
});

test("thoughts and the mark of a failed tool are told where they are left out", () => {
  expect(encode({ messages: loop }).dropped).toEqual(["reasoning_content", "is_error"]);
});

test.each([
  [{}, {}, []],
  [{ thinking: { type: "disabled" } }, { thinking: { type: "disabled" } }, []],
  [{ thinking: { type: "adaptive" } }, { thinking: { type: "enabled" } }, []],
  [
    { thinking: { type: "enabled", budget_tokens: 2000 }, reasoning_effort: "high" },
    { thinking: { type: "enabled" }, reasoning_effort: "high" },
    ["thinking.budget_tokens"],
  ],
  [{ reasoning_effort: "none" }, { thinking: { type: "disabled" } }, []],
  [{ reasoning_effort: "low" }, { reasoning_effort: "low" }, []],
])("a provider with a switch for thinking is sent %j as %j", (asked, sent, told) => {
  const { body, dropped } = encode(asked, { switchesThinking: true });
  const { model: _model, messages: _messages, ...rest } = body;

  expect(rest).toEqual(sent);
  expect(dropped).toEqual(told);
});

test("pictures that tools show follow the results of the turn, which take text only", () => {
  const image = { type: "image_url", image_url: { url: "data:image/png;base64,AA==" } };
  const { body } = encode({
    messages: [
      { role: "user", content: "Look" },
      { role: "tool", tool_call_id: "c1", content: [{ type: "text", text: "One" }, image] },
      { role: "tool", tool_call_id: "c2", content: "Two" },
      { role: "user", content: "Well?" },
    ],
  });

  expect(body["messages"]).toEqual([
    { role: "user", content: "Look" },
    { role: "tool", tool_call_id: "c1", content: "One" },
    { role: "tool", tool_call_id: "c2", content: "Two" },
    { role: "user", content: [image] },
    { role: "user", content: "Well?" },
  ]);
});

test("the cap on an answer goes by the name that the upstream knows", () => {
  const provider = { outputLimit: "max_completion_tokens" } as const;
  expect(encode({ max_tokens: 7 }, provider).body).toMatchObject({ max_completion_tokens: 7 });
  expect(encode({ max_tokens: 7 }, provider).body).not.toHaveProperty("max_tokens");
  expect(encode({ max_completion_tokens: 7 }).body).toMatchObject({ max_tokens: 7 });
});

test("a stream's usage is asked for where it must be", () => {
  const changes = { isStream: true };
  expect(encode({}, {}, changes).body).toMatchObject({
    stream: true,
    stream_options: { include_usage: true },
  });
  expect(encode({}, { usageUnasked: true }, changes).body).not.toHaveProperty("stream_options");
});

test("a deployment that drops parameters sends none that its provider does not take", () => {
  expect(encode({ seed: 1 }).body).toMatchObject({ seed: 1 });
  const { body, dropped } = encode({ seed: 1 }, {}, { dropsParameters: true });
  expect(body).not.toHaveProperty("seed");
  expect(dropped).toEqual(["seed"]);
});
