import type { Chat } from "../../../shared/openai/chat.ts";
import type { Provider } from "../registry.ts";

interface Thinking {
  /** Those of the chat that change; undefined is not sent. */
  readonly fields: Readonly<Record<string, unknown>>;
  readonly dropped: readonly string[];
}

/**
 * Anthropic's `thinking` is a switch without a budget where the provider has one, which is thrown too for the
 * `reasoning_effort` of `none`; others have no word for it.
 */
export function encodeThinking({ switchesThinking }: Provider, chat: Chat): Thinking {
  const { thinking, reasoning_effort: effort } = chat;
  if (!switchesThinking)
    return { fields: { thinking: undefined }, dropped: thinking ? ["thinking"] : [] };
  if (!thinking)
    return effort === "none"
      ? { fields: { thinking: { type: "disabled" }, reasoning_effort: undefined }, dropped: [] }
      : { fields: {}, dropped: [] };
  const type = thinking.type === "disabled" ? "disabled" : "enabled";
  const hasBudget = thinking.type === "enabled";
  return {
    fields: { thinking: { type } },
    dropped: hasBudget ? ["thinking.budget_tokens"] : [],
  };
}
