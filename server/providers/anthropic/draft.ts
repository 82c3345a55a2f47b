import { untranslatable } from "../translation.ts";
import type { Block } from "./block.ts";

/** A turn of the conversation while messages of one role are gathered into it. */
export interface Draft {
  readonly role: "user" | "assistant";
  /** Results of tools: Anthropic wants them before everything else in a turn. */
  readonly results: Block[];
  readonly content: Block[];
  /** What the system says within the conversation, where the model takes it from there. */
  readonly instructions: Block[];
  /** Calls that an assistant made, or that a user's turn answers. */
  readonly calls: CallPlace[];
}

interface CallPlace {
  readonly id: string;
  /** Where it stands in the request. */
  readonly param: string;
}

/** The last turn, or a new one where that is another's. */
export function draftOf(drafts: Draft[], role: Draft["role"]): Draft {
  const last = drafts.at(-1);
  if (last?.role === role) return last;
  const draft: Draft = { role, results: [], content: [], instructions: [], calls: [] };
  drafts.push(draft);
  return draft;
}

/**
 * Anthropic refuses a conversation in which a call is not answered in the very next turn, in words about its own message
 * numbers. These are about the client's.
 *
 * @throws GatewayError `invalid_request`
 */
export function checkCalls(drafts: readonly Draft[]): void {
  drafts.forEach((draft, index) => {
    if (draft.role === "assistant") checkAnswered(draft.calls, drafts[index + 1]?.calls ?? []);
    else checkAsked(draft.calls, drafts[index - 1]?.calls ?? []);
  });
}

function checkAnswered(calls: readonly CallPlace[], answers: readonly CallPlace[]): void {
  const answered = new Set(answers.map(({ id }) => id));
  const missing = calls.find(({ id }) => !answered.has(id));
  if (missing)
    throw untranslatable(
      missing.param,
      `Cannot send the conversation to Anthropic: no message of the role "tool" answers the call ${JSON.stringify(missing.id)} before the assistant's next turn`,
    );
}

function checkAsked(answers: readonly CallPlace[], calls: readonly CallPlace[]): void {
  const asked = new Set(calls.map(({ id }) => id));
  const stray = answers.find(({ id }) => !asked.has(id));
  if (stray)
    throw untranslatable(
      stray.param,
      `Cannot send the conversation to Anthropic: the assistant's last turn has no call ${JSON.stringify(stray.id)} that the message could answer`,
    );
}
