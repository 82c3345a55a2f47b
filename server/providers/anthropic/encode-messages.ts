import type { ChatMessage } from "../../../shared/openai/chat.ts";
import type { Translation } from "../translation.ts";
import { type Block, cacheMark, markLast } from "./block.ts";
import { checkCalls, type Draft, draftOf } from "./draft.ts";
import { encodeAssistant, toolUseId } from "./encode-assistant.ts";
import { encodeContent, encodeWords } from "./encode-content.ts";
import type { ModelTraits } from "./model-traits.ts";
import { asInstruction, closeTurns, type Turn } from "./turns.ts";

export interface Conversation {
  /** Before the conversation. */
  readonly system: readonly Block[];
  readonly turns: readonly Turn[];
}

type Message<Role extends ChatMessage["role"]> = Extract<ChatMessage, { role: Role }>;

interface Gathering {
  readonly system: Block[];
  readonly drafts: Draft[];
  readonly traits: ModelTraits;
  readonly translation: Translation;
}

/**
 * The conversation in alternating turns, beginning with a user's.
 *
 * What the system says before anyone else goes before the conversation. What it says later stays there: moved to the front it
 * would hold for answers that were given before, and would cost the whole cached conversation. Models that take a system's
 * messages get it as one, after the user's turn that it stands in; the others get it in that turn, between tags that tell whose
 * word it is.
 *
 * @throws GatewayError `invalid_request` for what Anthropic would not understand of it
 */
export function encodeMessages(
  messages: readonly ChatMessage[],
  traits: ModelTraits,
  translation: Translation,
): Conversation {
  const gathering: Gathering = { system: [], drafts: [], traits, translation };
  for (const [index, message] of messages.entries()) {
    if ("name" in message && message.name) translation.drop("name");
    add(gathering, message, `messages.${index}`);
  }
  checkCalls(gathering.drafts);
  return { system: gathering.system, turns: closeTurns(gathering.drafts) };
}

function add(gathering: Gathering, message: ChatMessage, at: string): void {
  switch (message.role) {
    case "system":
    case "developer":
      return addSystem(gathering, message, at);
    case "user":
      return addUser(gathering, message, at);
    case "tool":
      return addResult(gathering, message, at);
    case "assistant":
      return addAssistant(gathering, message, at);
  }
}

function addSystem(
  { system, drafts, traits }: Gathering,
  message: Message<"system" | "developer">,
  at: string,
): void {
  const words = encodeWords(message.content, `${at}.content`, "a system message");
  const blocks = markLast(words, message);
  if (drafts.length === 0) system.push(...blocks);
  else if (blocks.length === 0) return;
  else if (traits.hasSystemMessages) draftOf(drafts, "user").instructions.push(...blocks);
  else draftOf(drafts, "user").content.push(...blocks.map(asInstruction));
}

function addUser({ drafts, translation }: Gathering, message: Message<"user">, at: string): void {
  const blocks = markLast(encodeContent(message.content, `${at}.content`, translation), message);
  if (blocks.length > 0) draftOf(drafts, "user").content.push(...blocks);
}

function addResult({ drafts, translation }: Gathering, message: Message<"tool">, at: string): void {
  const draft = draftOf(drafts, "user");
  const content = encodeContent(message.content, `${at}.content`, translation);
  draft.calls.push({ id: message.tool_call_id, param: `${at}.tool_call_id` });
  draft.results.push({
    type: "tool_result",
    tool_use_id: toolUseId(message.tool_call_id),
    ...(content.length > 0 && { content }),
    ...(message["is_error"] === true && { is_error: true }),
    ...cacheMark(message),
  });
}

function addAssistant(
  { drafts, translation }: Gathering,
  message: Message<"assistant">,
  at: string,
): void {
  const blocks = markLast(encodeAssistant(message, at, translation), message);
  if (blocks.length === 0) return;
  const draft = draftOf(drafts, "assistant");
  draft.content.push(...blocks);
  const calls = message.tool_calls ?? [];
  draft.calls.push(
    ...calls.map(({ id }, index) => ({ id, param: `${at}.tool_calls.${index}.id` })),
  );
}
