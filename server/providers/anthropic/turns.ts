import { type Block, isThought } from "./block.ts";
import type { Draft } from "./draft.ts";

export interface Turn {
  readonly role: "user" | "assistant" | "system";
  readonly content: readonly Block[];
}

/** Anthropic's conversations begin with a user, and are never empty. */
const beginning: Turn = { role: "user", content: [{ type: "text", text: "(begin)" }] };

export function closeTurns(drafts: readonly Draft[]): readonly Turn[] {
  const turns = drafts.flatMap(closeTurn);
  const last = turns.at(-1);
  const begun = turns[0]?.role === "user" ? turns : [beginning, ...turns];
  return last?.role === "assistant" ? [...begun.slice(0, -1), ...trimPrefill(last)] : begun;
}

/**
 * A system's message must follow a user's turn, and stand before an assistant's or last. So a turn in which the system alone
 * speaks is a user's.
 *
 * Source: https://platform.claude.com/docs/en/build-with-claude/mid-conversation-system-messages
 */
function closeTurn({ role, results, content, instructions }: Draft): readonly Turn[] {
  const said = [...results, ...content];
  if (said.length === 0) return [{ role, content: instructions.map(asInstruction) }];
  const turn: Turn = { role, content: said };
  return instructions.length === 0 ? [turn] : [turn, { role: "system", content: instructions }];
}

/** A system's words in a user's turn. */
export function asInstruction(block: Block): Block {
  return { ...block, text: `<system>\n${String(block["text"])}\n</system>` };
}

/** An answer that has begun: Anthropic refuses one whose text ends in white space. */
function trimPrefill(turn: Turn): readonly Turn[] {
  const last = turn.content.at(-1);
  if (last?.type !== "text") return [turn];
  const text = String(last["text"]).trimEnd();
  return [{ ...turn, content: [...turn.content.slice(0, -1), { ...last, text }] }];
}

/**
 * Whether the model is in the middle of calling tools without a thought of its own before the calls: with a budget for thinking
 * Anthropic refuses that, and clients that do not send thoughts back are many.
 */
export function continuesWithoutThought(turns: readonly Turn[]): boolean {
  const user = turns.findLastIndex(({ role }) => role === "user");
  if (turns[user]?.content[0]?.type !== "tool_result") return false;
  const first = turns[user - 1]?.content[0];
  return first === undefined || !isThought(first);
}
