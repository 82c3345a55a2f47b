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
  expect(dropped).toEqual(["thinking", "top_k"]);
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
