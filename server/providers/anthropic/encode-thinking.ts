import type { Chat } from "../../../shared/openai/chat.ts";
import type { Translation } from "../translation.ts";
import type { Fields } from "../json.ts";
import { budgetOf, type Effort } from "./effort.ts";
import type { ModelTraits } from "./model-traits.ts";

export interface Thinking {
  /** The parameter, where it is sent. */
  readonly thinking?: Fields;
  /** For `output_config`. */
  readonly effort?: Effort;
}

interface Circumstances {
  readonly traits: ModelTraits;
  /** The longest answer that will be asked for, thoughts included. */
  readonly maxTokens: number;
  /** Nothing may be thought with a budget, because of the rest of the request. */
  readonly forbidsBudget: boolean;
}

/**
 * `thinking` goes as it is to a model that takes it so, else in the form that is nearest. `reasoning_effort` is a budget for
 * models that know nothing else (see `budgetOf`), and the effort of that name with adaptive thinking for the others: `minimal` is
 * `low`, and `xhigh` is `high` where the model does not know it. `none` switches thinking off; where that cannot be, it is the
 * least effort.
 *
 * Newer models show no thoughts unless asked to. OpenAI's clients have no word for that, so they are shown a summary.
 */
export function encodeThinking(
  chat: Chat,
  circumstances: Circumstances,
  translation: Translation,
): Thinking {
  const effort = effortOf(chat, translation);
  const { thinking } = chat;
  if (thinking?.type === "disabled" || (!thinking && effort === "none"))
    return switchOff(circumstances.traits, effort, translation);
  if (!thinking && effort === undefined) return {};
  const on = { thinking: thinking ?? undefined, effort: effort === "none" ? undefined : effort };
  switch (circumstances.traits.thinking) {
    case "none":
      return leaveOut(chat, translation);
    case "budget":
      return thinkWithin(chat, on, circumstances, translation);
    case "either":
      if (thinking?.type === "enabled") return thinkWithin(chat, on, circumstances, translation);
      return thinkAdaptively(on, circumstances.traits, translation);
    case "adaptive":
    case "always":
      return thinkAdaptively(on, circumstances.traits, translation);
  }
}

interface Wanted {
  readonly thinking: Exclude<NonNullable<Chat["thinking"]>, { type: "disabled" }> | undefined;
  readonly effort: Effort | undefined;
}

function effortOf(
  { reasoning_effort: asked }: Chat,
  translation: Translation,
): Effort | "none" | undefined {
  switch (asked) {
    case null:
    case undefined:
      return undefined;
    case "minimal":
      return "low";
    case "none":
    case "low":
    case "medium":
    case "high":
    case "xhigh":
    case "max":
      return asked;
    default:
      translation.drop("reasoning_effort");
      return undefined;
  }
}

function leaveOut(chat: Chat, translation: Translation): Thinking {
  for (const name of ["thinking", "reasoning_effort"] as const)
    if (chat[name]) translation.drop(name);
  return {};
}

function switchOff(
  traits: ModelTraits,
  effort: Effort | "none" | undefined,
  translation: Translation,
): Thinking {
  if (traits.thinking === "none") return {};
  if (traits.thinking !== "always") {
    const isAdaptive = traits.thinking !== "budget";
    // More effort than `high` is refused without thinking.
    const kept = effort === "xhigh" || effort === "max" ? "high" : effort;
    const isKept = isAdaptive && kept !== undefined && kept !== "none";
    return { thinking: { type: "disabled" }, ...(isKept && { effort: kept }) };
  }
  translation.drop(effort === "none" ? "reasoning_effort" : "thinking");
  return { effort: "low", ...(traits.hasBetweenTools && { thinking: { type: "between_tools" } }) };
}

function thinkAdaptively(
  { thinking, effort }: Wanted,
  traits: ModelTraits,
  translation: Translation,
): Thinking {
  if (thinking?.type === "enabled") translation.drop("thinking.budget_tokens");
  const setting =
    thinking?.type === "adaptive" ? thinking : { type: "adaptive", display: "summarized" };
  const known = effort === "xhigh" && !traits.hasExtraHighEffort ? "high" : effort;
  return { thinking: setting, ...(known && { effort: known }) };
}

function thinkWithin(
  chat: Chat,
  { thinking, effort }: Wanted,
  { maxTokens, forbidsBudget }: Circumstances,
  translation: Translation,
): Thinking {
  if (forbidsBudget) return leaveOut(chat, translation);
  if (thinking?.type === "enabled") {
    if (effort) translation.drop("reasoning_effort");
    return { thinking };
  }
  const budget = budgetOf(effort ?? "medium", maxTokens);
  if (budget === undefined) return leaveOut(chat, translation);
  return { thinking: { type: "enabled", budget_tokens: budget } };
}
