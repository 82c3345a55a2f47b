import { expect, test } from "vitest";
import { chat as chatSchema } from "../../../shared/openai/chat.ts";
import { Translation } from "../translation.ts";
import { encodeThinking } from "./encode-thinking.ts";
import { traitsOf } from "./model-traits.ts";

function encode(
  model: string,
  parameters: Record<string, unknown>,
  circumstances: { maxTokens?: number; forbidsBudget?: boolean } = {},
): { sent: unknown; dropped: readonly string[] } {
  const messages = [{ role: "user", content: "Hello" }];
  const translation = new Translation({
    model,
    isStream: false,
    maxOutputTokens: undefined,
    dropsParameters: false,
  });
  const chat = chatSchema.parse({ model, messages, ...parameters });
  const traits = traitsOf(model);
  const rest = { maxTokens: 64_000, forbidsBudget: false, ...circumstances };
  return {
    sent: encodeThinking(chat, { traits, ...rest }, translation),
    dropped: translation.dropped,
  };
}

const summarized = { type: "adaptive", display: "summarized" };
const enabled = { type: "enabled", budget_tokens: 2_000 };
const within = (tokens: number) => ({ thinking: { type: "enabled", budget_tokens: tokens } });

test.each<[string, string, unknown]>([
  ["claude-sonnet-4-5", "minimal", within(1_024)],
  ["claude-sonnet-4-5", "low", within(1_024)],
  ["claude-sonnet-4-5", "medium", within(4_096)],
  ["claude-sonnet-4-5", "high", within(16_384)],
  ["claude-sonnet-4-5", "xhigh", within(24_576)],
  ["claude-sonnet-4-5", "max", within(32_000)],
  ["claude-sonnet-4-5", "none", { thinking: { type: "disabled" } }],
  ["claude-opus-4-6", "medium", { thinking: summarized, effort: "medium" }],
  ["claude-opus-4-6", "xhigh", { thinking: summarized, effort: "high" }],
  ["claude-opus-4-6", "max", { thinking: summarized, effort: "max" }],
  ["claude-opus-4-8", "minimal", { thinking: summarized, effort: "low" }],
  ["claude-opus-4-8", "xhigh", { thinking: summarized, effort: "xhigh" }],
  ["claude-haiku-5-5", "none", { thinking: { type: "disabled" } }],
  ["claude-opus-5-5", "high", { thinking: summarized, effort: "high" }],
  ["claude-3-haiku-20240307", "none", {}],
])("%s: the effort %s", (model, effort, sent) => {
  expect(encode(model, { reasoning_effort: effort })).toEqual({ sent, dropped: [] });
});

test.each<[string, Record<string, unknown>, unknown]>([
  ["claude-sonnet-4-5", { thinking: enabled }, { thinking: enabled }],
  ["claude-opus-4-6", { thinking: enabled }, { thinking: enabled }],
  ["claude-opus-4-6", { thinking: { type: "adaptive" } }, { thinking: { type: "adaptive" } }],
  [
    "claude-opus-5-5",
    { thinking: { type: "adaptive", display: "omitted" }, reasoning_effort: "max" },
    { thinking: { type: "adaptive", display: "omitted" }, effort: "max" },
  ],
  ["claude-sonnet-5", { thinking: { type: "disabled" } }, { thinking: { type: "disabled" } }],
  [
    "claude-opus-5",
    { thinking: { type: "disabled" }, reasoning_effort: "xhigh" },
    { thinking: { type: "disabled" }, effort: "high" },
  ],
  ["claude-sonnet-4-5", { thinking: { type: "adaptive" } }, within(4_096)],
])("%s takes %j as it is, or in its own words", (model, parameters, sent) => {
  expect(encode(model, parameters)).toEqual({ sent, dropped: [] });
});

test.each<[string, Record<string, unknown>, unknown, string]>([
  ["claude-opus-4-8", { thinking: enabled }, { thinking: summarized }, "thinking.budget_tokens"],
  ["claude-opus-5-5", { thinking: { type: "disabled" } }, { effort: "low" }, "thinking"],
  ["claude-opus-5-5", { reasoning_effort: "none" }, { effort: "low" }, "reasoning_effort"],
  [
    "claude-sonnet-5-5",
    { reasoning_effort: "none" },
    { thinking: { type: "between_tools" }, effort: "low" },
    "reasoning_effort",
  ],
  ["claude-3-haiku-20240307", { reasoning_effort: "high" }, {}, "reasoning_effort"],
  ["claude-3-haiku-20240307", { thinking: enabled }, {}, "thinking"],
  ["claude-opus-5-5", { reasoning_effort: "enormous" }, {}, "reasoning_effort"],
  [
    "claude-sonnet-4-5",
    { thinking: enabled, reasoning_effort: "high" },
    { thinking: enabled },
    "reasoning_effort",
  ],
])("%s cannot do %j: the nearest is sent, and that is told", (model, parameters, sent, name) => {
  expect(encode(model, parameters)).toEqual({ sent, dropped: [name] });
});

test("nothing is said where nothing is asked", () => {
  expect(encode("claude-opus-5-5", {})).toEqual({ sent: {}, dropped: [] });
});

test("a budget that is made up leaves room for the answer", () => {
  const { sent } = encode("claude-sonnet-4-5", { reasoning_effort: "high" }, { maxTokens: 3_000 });

  expect(sent).toEqual(within(1_976));
});

test("there is no thinking where the answer may not be long enough for it", () => {
  const asked = { reasoning_effort: "high" };

  expect(encode("claude-sonnet-4-5", asked, { maxTokens: 2_000 })).toEqual({
    sent: {},
    dropped: ["reasoning_effort"],
  });
});

test("what forbids a budget forbids the client's own too, and does not touch adaptive thinking", () => {
  const forbidden = { forbidsBudget: true };

  expect(encode("claude-opus-4-6", { thinking: enabled }, forbidden)).toEqual({
    sent: {},
    dropped: ["thinking"],
  });
  expect(encode("claude-opus-4-6", { reasoning_effort: "low" }, forbidden).dropped).toEqual([]);
});
