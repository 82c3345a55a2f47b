import { expect, test } from "vitest";
import type { Chat } from "../../../shared/openai/chat.ts";
import { anthropic } from "../anthropic/adapter.ts";
import { claudeThinking } from "./claude-thinking.ts";
import { ask, streamed } from "./fixtures/reading.ts";

const older = "us.anthropic.claude-sonnet-4-5-20250929-v1:0";

test.each<[string, Partial<Chat>, string, unknown]>([
  [
    "an effort is a budget",
    { reasoning_effort: "medium" },
    older,
    { mode: { type: "enabled", budgetTokens: 4096 } },
  ],
  [
    "a budget leaves room for an answer",
    { reasoning_effort: "high", max_tokens: 3000 },
    older,
    { mode: { type: "enabled", budgetTokens: 1976 }, maxOutputTokens: 1024 },
  ],
  [
    "too short an answer has no thoughts",
    { reasoning_effort: "low", max_tokens: 2000 },
    older,
    undefined,
  ],
  [
    "an effort is itself",
    { reasoning_effort: "minimal" },
    "claude-opus-4-6",
    { mode: { type: "adaptive", display: "summarized" }, effort: "low" },
  ],
  ["no effort is no thoughts", { reasoning_effort: "none" }, older, { mode: { type: "disabled" } }],
  ["an effort of nobody's is none", { reasoning_effort: "heroic" }, older, undefined],
  [
    "a model from before thoughts has none",
    { reasoning_effort: "high" },
    "anthropic.claude-3-5-sonnet-20241022-v2:0",
    undefined,
  ],
  [
    "thinking goes before effort",
    { reasoning_effort: "high", thinking: { type: "disabled" } },
    older,
    { mode: { type: "disabled" } },
  ],
  [
    "adaptive thinking has the effort with it",
    { reasoning_effort: "low", thinking: { type: "adaptive" } },
    "claude-opus-4-6",
    { mode: { type: "adaptive" }, effort: "low" },
  ],
])("%s", (_what, fields, model, thinking) => {
  expect(claudeThinking(ask(fields), model)).toEqual(thinking);
});

test("a budget as long as the answer is refused", () => {
  const chat = ask({ max_tokens: 2000, thinking: { type: "enabled", budget_tokens: 2000 } });
  expect(() => claudeThinking(chat, older)).toThrow(
    expect.objectContaining({
      details: expect.objectContaining({ param: "thinking.budget_tokens" }),
    }),
  );
});

test("amid calls whose thought the client did not keep, an effort is no budget", () => {
  const messages: Chat["messages"] = [
    { role: "user", content: "Hi" },
    {
      role: "assistant",
      tool_calls: [{ id: "1", type: "function", function: { name: "f", arguments: "{}" } }],
    },
    { role: "tool", tool_call_id: "1", content: "4" },
  ];
  expect(claudeThinking(ask({ messages, reasoning_effort: "low" }), older)).toBeUndefined();
});

test.each(["low", "medium", "high", "xhigh", "max"])(
  "an effort of %s is the same budget by a package as by our own adapter",
  (reasoning_effort) => {
    const chat = ask({ reasoning_effort, max_tokens: 64_000 });
    const target = { ...streamed, model: "claude-sonnet-4-5" };
    const { thinking } = anthropic.encode(chat, target).body;

    expect(claudeThinking(chat, older)?.mode).toEqual({
      type: "enabled",
      budgetTokens: (thinking as { budget_tokens: number }).budget_tokens,
    });
  },
);
