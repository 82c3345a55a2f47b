import { expect, test } from "vitest";
import { chat as chatSchema } from "../../../shared/openai/chat.ts";
import { Translation } from "../translation.ts";
import { encodeThinking } from "./thinking.ts";

function think(model: string, fields: Readonly<Record<string, unknown>>) {
  const translation = new Translation({
    model,
    isStream: false,
    maxOutputTokens: undefined,
    dropsParameters: false,
  });
  const chat = chatSchema.parse({
    model,
    messages: [{ role: "user", content: "Hello" }],
    ...fields,
  });
  return { config: encodeThinking(chat, model, translation), dropped: translation.dropped };
}

const level = (thinkingLevel: string) => ({ includeThoughts: true, thinkingLevel });
const budget = (thinkingBudget: number) => ({ includeThoughts: true, thinkingBudget });
const enabled = (budget_tokens: number) => ({ thinking: { type: "enabled", budget_tokens } });
const effort = (reasoning_effort: string) => ({ reasoning_effort });

test.each([
  ["gemini-3.8-flash", effort("low"), level("LOW")],
  ["gemini-3.8-flash", effort("medium"), level("MEDIUM")],
  ["gemini-3.8-flash", effort("high"), level("HIGH")],
  ["gemini-3.8-flash", effort("xhigh"), level("HIGH")],
  ["gemini-3.8-flash", effort("minimal"), level("LOW")],
  ["gemini-3.1-pro-preview", effort("minimal"), level("LOW")],
  ["gemini-3-flash-preview", effort("minimal"), level("MINIMAL")],
  ["models/gemini-3.1-flash-lite", effort("minimal"), level("MINIMAL")],
  ["gemini-3.1-flash-lite", effort("none"), { includeThoughts: false, thinkingLevel: "MINIMAL" }],
  ["gemini-3.8-flash", effort("none"), { includeThoughts: false, thinkingLevel: "LOW" }],
  [
    "gemini-3.8-flash",
    { thinking: { type: "disabled" } },
    { includeThoughts: false, thinkingLevel: "LOW" },
  ],
  ["gemini-3.8-flash", { thinking: { type: "adaptive" } }, { includeThoughts: true }],
  ["gemini-3.8-flash", { thinking: { type: "adaptive" }, ...effort("low") }, level("LOW")],
  ["gemini-3.8-flash", enabled(1_024), level("LOW")],
  ["gemini-3.8-flash", enabled(8_000), level("MEDIUM")],
  ["gemini-3.8-flash", enabled(31_999), level("HIGH")],
  ["gemini-3.8-flash", { ...enabled(31_999), ...effort("low") }, level("LOW")],
  ["gemini-4-pro", effort("medium"), level("MEDIUM")],
  ["gemini-flash-latest", effort("medium"), level("MEDIUM")],
  ["gemini-2.5-flash", effort("low"), budget(1_024)],
  ["gemini-2.5-flash", effort("medium"), budget(8_192)],
  ["gemini-2.5-flash", effort("high"), budget(24_576)],
  ["gemini-2.5-flash", effort("none"), { thinkingBudget: 0 }],
  ["gemini-2.5-flash-lite", { thinking: { type: "disabled" } }, { thinkingBudget: 0 }],
  ["gemini-2.5-pro", effort("none"), { includeThoughts: false, thinkingBudget: 128 }],
  ["gemini-2.5-pro", enabled(50_000), budget(32_768)],
  ["gemini-2.5-flash", enabled(50_000), budget(24_576)],
  ["gemini-2.5-flash-lite", enabled(100), budget(512)],
  ["gemini-2.5-flash", { ...enabled(2_000), ...effort("high") }, budget(2_000)],
  ["gemini-2.5-flash", { thinking: { type: "adaptive" } }, budget(-1)],
])("%s given %j", (model, fields, config) => {
  expect(think(model, fields)).toEqual({ config, dropped: [] });
});

test("who asks for nothing leaves it to the model", () => {
  expect(think("gemini-3.8-flash", {})).toEqual({ config: undefined, dropped: [] });
});

test.each([
  "gemini-2.0-flash",
  "gemini-2.5-flash-image",
  "gemini-3.1-flash-tts-preview",
  "gemma-4",
])("%s is not asked to think, and the client is told", (model) => {
  expect(think(model, effort("high"))).toEqual({
    config: undefined,
    dropped: ["reasoning_effort"],
  });
});
