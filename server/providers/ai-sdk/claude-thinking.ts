import type { Chat } from "../../../shared/openai/chat.ts";
import { budgetOf, type Effort, efforts } from "../anthropic/effort.ts";
import { traitsOf } from "../anthropic/model-traits.ts";
import { wordsOf } from "../json.ts";
import { untranslatable } from "../translation.ts";

/** How a Claude is to think. */
export interface ClaudeThinking {
  /** As the packages for Anthropic and for Bedrock both have it. */
  readonly mode:
    | { readonly type: "disabled" }
    | { readonly type: "adaptive"; readonly display?: string }
    | { readonly type: "enabled"; readonly budgetTokens: number };
  readonly effort?: Effort;
  /** The longest answer beside the thoughts, in the place of the chat's own. */
  readonly maxOutputTokens?: number;
}

/** An effort as vendors beside OpenAI grade it; undefined for `none` and for what is no effort. */
export function effortOf(effort: string | null | undefined): Effort | undefined {
  if (effort === "minimal") return "low";
  return isEffort(effort) ? effort : undefined;
}

function isEffort(effort: string | null | undefined): effort is Effort {
  return efforts.some((known) => known === effort);
}

/**
 * `thinking`, else `reasoning_effort`, in Claude's terms. Undefined where neither is set, and for an effort that the model
 * cannot follow.
 *
 * The packages add the budget to the longest answer; Anthropic, and so our callers, count it as part of that. It is taken
 * out here: `maxOutputTokens` is what remains.
 *
 * @throws GatewayError `invalid_request` for a budget that leaves no room for an answer
 */
export function claudeThinking(chat: Chat, model: string): ClaudeThinking | undefined {
  const limit = chat.max_completion_tokens ?? chat.max_tokens ?? undefined;
  const effort = effortOf(chat.reasoning_effort);
  if (chat.thinking?.type === "enabled") return withinBudget(chat.thinking.budget_tokens, limit);
  if (chat.thinking?.type === "adaptive") {
    const display = wordsOf(chat.thinking["display"]);
    return { mode: { type: "adaptive", ...(display && { display }) }, ...(effort && { effort }) };
  }
  if (chat.thinking || chat.reasoning_effort === "none") return { mode: { type: "disabled" } };
  const traits = traitsOf(model);
  if (!effort || traits.thinking === "none") return undefined;
  // The newer Claudes keep their thoughts to themselves unless asked.
  if (traits.thinking !== "budget")
    return { mode: { type: "adaptive", display: "summarized" }, effort };
  const budget = budgetOf(effort, limit ?? Infinity);
  if (budget === undefined || isAmidUnsealedCalls(chat)) return undefined;
  return withinBudget(budget, limit);
}

function withinBudget(budgetTokens: number, limit: number | undefined): ClaudeThinking {
  const mode = { type: "enabled" as const, budgetTokens };
  if (limit === undefined) return { mode };
  if (limit <= budgetTokens)
    throw untranslatable(
      "thinking.budget_tokens",
      `Cannot think for ${budgetTokens} tokens: the answer may have ${limit}, thoughts included`,
    );
  return { mode, maxOutputTokens: limit - budgetTokens };
}

/**
 * A Claude with a budget wants the thought that led to the calls whose results it is given, which callers that know only
 * `reasoning_effort` do not keep.
 *
 * Source: https://docs.anthropic.com/en/docs/build-with-claude/extended-thinking#preserving-thinking-blocks
 */
function isAmidUnsealedCalls({ messages }: Chat): boolean {
  if (messages.at(-1)?.role !== "tool") return false;
  const caller = messages.findLast((message) => message.role === "assistant");
  return caller?.role === "assistant" && !caller.thinking_blocks?.length;
}
