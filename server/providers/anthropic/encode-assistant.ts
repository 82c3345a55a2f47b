import { unmarkSignature } from "../googles-signature.ts";
import type { ChatMessage, ThinkingBlock, ToolCall } from "../../../shared/openai/chat.ts";
import { type Translation, untranslatable } from "../translation.ts";
import { type Block, cacheMark, textBlocks } from "./block.ts";
import { encodeWords } from "./encode-content.ts";
import { isFields, parseJson } from "../json.ts";

type AssistantMessage = Extract<ChatMessage, { role: "assistant" }>;

/**
 * What an assistant said, in the order in which it must have been said: thoughts, words, calls.
 *
 * @param at where it stands in the request, as in `messages.0`
 */
export function encodeAssistant(
  message: AssistantMessage,
  at: string,
  translation: Translation,
): readonly Block[] {
  const thoughts = (message.thinking_blocks ?? []).flatMap(encodeThought);
  // A thought that Anthropic has not signed is none to it.
  if (message.reasoning_content && thoughts.length === 0) translation.drop("reasoning_content");
  return [
    ...thoughts,
    ...encodeWords(message.content, `${at}.content`, "an assistant's message"),
    ...textBlocks(message.refusal ?? ""),
    ...(message.tool_calls ?? []).map((call, index) =>
      encodeCall(call, `${at}.tool_calls.${index}`),
    ),
  ];
}

function encodeThought(thought: ThinkingBlock): readonly Block[] {
  if (thought.type === "redacted_thinking")
    return [{ type: "redacted_thinking", data: thought.data }];
  const { thinking, signature } = thought;
  if (!signature || unmarkSignature(signature) !== undefined) return [];
  return [{ type: "thinking", thinking, signature }];
}

function encodeCall(call: ToolCall, at: string): Block {
  const { name, arguments: text } = call.function;
  return {
    type: "tool_use",
    id: toolUseId(call.id),
    name,
    input: parseArguments(text, `${at}.function.arguments`),
    ...cacheMark(call),
  };
}

function parseArguments(text: string, param: string): unknown {
  // Clients say so of a call without arguments.
  if (text.trim() === "") return {};
  const parsed = parseJson(text);
  if (isFields(parsed)) return parsed;
  const shown = text.length > 100 ? `${text.slice(0, 100)}…` : text;
  throw untranslatable(
    param,
    `Cannot send the tool call to Anthropic: its arguments are no JSON object, but ${JSON.stringify(shown)}`,
  );
}

/** Ids of other providers' calls may hold what Anthropic refuses in one, such as `functions.search:0`. */
export function toolUseId(id: string): string {
  return id.replaceAll(/[^a-zA-Z0-9_-]/g, "_") || "_";
}
