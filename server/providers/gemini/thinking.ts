import type { Chat } from "../../../shared/openai/chat.ts";
import type { Translation } from "../translation.ts";
import type { Fields } from "../json.ts";
import { bareName, traitsOf } from "./model.ts";

/** How hard the client wants the model to think; `dynamic` leaves it to the model. */
type Effort = "none" | "minimal" | "low" | "medium" | "high" | "dynamic";

const efforts: ReadonlyMap<string, Effort> = new Map([
  ["none", "none"],
  ["minimal", "minimal"],
  ["low", "low"],
  ["medium", "medium"],
  ["high", "high"],
  ["xhigh", "high"],
  ["max", "high"],
]);

/** Google's own translation of OpenAI's efforts. Source: https://ai.google.dev/gemini-api/docs/openai#thinking */
const budgets = { none: 0, minimal: 1_024, low: 1_024, medium: 8_192, high: 24_576, dynamic: -1 };

/**
 * The `thinkingConfig` that a chat asks for with `thinking` or `reasoning_effort`; undefined where it asks for neither, since
 * models that do not think by default refuse to be asked for their thoughts. Who asks for thinking is shown it.
 */
export function encodeThinking(
  chat: Chat,
  model: string,
  translation: Translation,
): Fields | undefined {
  const effort = effortOf(chat, translation);
  const budget = chat.thinking?.type === "enabled" ? chat.thinking.budget_tokens : undefined;
  if (effort === undefined && budget === undefined) return undefined;
  switch (traitsOf(model).thinking) {
    case "level":
      return leveled(effort ?? effortFor(budget ?? 0), model);
    case "budget":
      return budgeted(budget ?? budgets[effort ?? "dynamic"], model);
    case "none":
      for (const name of ["reasoning_effort", "thinking"] as const)
        if (chat[name]) translation.drop(name);
      return undefined;
  }
}

function effortOf(chat: Chat, translation: Translation): Effort | undefined {
  if (chat.thinking?.type === "disabled") return "none";
  if (chat.reasoning_effort) {
    const effort = efforts.get(chat.reasoning_effort);
    if (effort) return effort;
    translation.refuse(
      "reasoning_effort",
      `${JSON.stringify(chat.reasoning_effort)} is none of ${[...efforts.keys()].join(", ")}`,
    );
  }
  return chat.thinking?.type === "adaptive" ? "dynamic" : undefined;
}

function effortFor(budget: number): Effort {
  if (budget <= budgets.low) return "low";
  return budget <= budgets.medium ? "medium" : "high";
}

/** These took MINIMAL; the Pro models and Flash from 3.7 on answer it with an error. */
const takesMinimal = /^gemini-3(?:\.[1-6])?-flash/;

/** Gemini 3 cannot be kept from thinking: `none` is the least that the model has. */
function leveled(effort: Effort, model: string): Fields {
  const isLeast = effort === "none" || effort === "minimal";
  if (effort === "dynamic") return { includeThoughts: true };
  if (!isLeast) return { includeThoughts: true, thinkingLevel: effort.toUpperCase() };
  return {
    includeThoughts: effort !== "none",
    thinkingLevel: takesMinimal.test(bareName(model)) ? "MINIMAL" : "LOW",
  };
}

/** Source of the ranges: https://ai.google.dev/gemini-api/docs/thinking#set-budget */
function rangeOf(model: string): { least: number; most: number; stops: boolean } {
  if (model.includes("-pro")) return { least: 128, most: 32_768, stops: false };
  if (model.includes("-flash-lite")) return { least: 512, most: 24_576, stops: true };
  return { least: 1, most: 24_576, stops: true };
}

function budgeted(asked: number, model: string): Fields {
  const { least, most, stops } = rangeOf(model);
  if (asked === budgets.dynamic) return { includeThoughts: true, thinkingBudget: asked };
  // With thinking off, asking for thoughts is an error.
  if (asked === 0)
    return stops ? { thinkingBudget: 0 } : { includeThoughts: false, thinkingBudget: least };
  return { includeThoughts: true, thinkingBudget: Math.min(Math.max(asked, least), most) };
}
