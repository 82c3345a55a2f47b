import { createAnthropic } from "@ai-sdk/anthropic";
import { streamText } from "ai";
import { expect, test } from "vitest";
import { messagesRequest } from "../../../shared/anthropic/messages.ts";
import { head, streamed, usage } from "./fixtures/reply-events.ts";
import { messages } from "./messages.ts";

test("a request is checked as far as the gateway reads it, whatever the rest is", () => {
  const request = {
    model: "claude-opus-5",
    max_tokens: 0,
    messages: [{ role: "user", content: [{ type: "hologram" }] }],
    container: { id: "c" },
  };

  expect(messagesRequest.safeParse(request).success).toBe(true);
  expect(messagesRequest.safeParse({ ...request, max_tokens: undefined }).success).toBe(false);
});

test("the AI SDK's provider for Anthropic reads what is streamed", async () => {
  const anthropic = createAnthropic({
    apiKey: "none",
    fetch: async () =>
      new Response(
        streamed(messages.createEncoder(head), [
          { type: "reasoning-delta", text: "Hm" },
          { type: "reasoning-signature", signature: "c2ln" },
          { type: "text-delta", text: "Look" },
          { type: "tool-call", index: 0, id: "functions.now:0", name: "now" },
          { type: "tool-arguments-delta", index: 0, json: '{"zone":"UTC"}' },
          { type: "usage", usage },
          { type: "finish", reason: "tool-calls" },
        ]),
        { headers: { "content-type": "text/event-stream" } },
      ),
  });

  const result = streamText({ model: anthropic("claude-opus-5"), prompt: "Hi" });
  await result.consumeStream();

  expect(await result.text).toBe("Look");
  expect(await result.reasoningText).toBe("Hm");
  expect(await result.toolCalls).toMatchObject([{ toolName: "now", input: { zone: "UTC" } }]);
  expect(await result.finishReason).toBe("tool-calls");
  expect(await result.usage).toMatchObject({
    inputTokens: 37,
    inputTokenDetails: { cacheReadTokens: 20, cacheWriteTokens: 7 },
    outputTokens: 30,
  });
});

test("a call comes back to its upstream with its own id and its signature", () => {
  const reply = messages.encodeReply(
    [
      { type: "tool-call", index: 0, id: "call:1", name: "now", thoughtSignature: "c2ln+/=" },
      { type: "tool-arguments-delta", index: 0, json: "{}" },
    ],
    head,
  );
  const { content } = reply as { content: [{ id: string }] };

  const { chat } = messages.toChat({
    model: "gemini",
    max_tokens: 10,
    messages: [
      { role: "assistant", content },
      { role: "user", content: [{ type: "tool_result", tool_use_id: content[0].id }] },
    ],
  });

  expect(chat.messages).toMatchObject([
    {
      tool_calls: [{ id: "call:1", extra_content: { google: { thought_signature: "c2ln+/=" } } }],
    },
    { role: "tool", tool_call_id: "call:1" },
  ]);
});
