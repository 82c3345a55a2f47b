import type {
  AssistantBlock,
  ToolResultBlock,
  ToolUseBlock,
} from "../../../shared/anthropic/blocks.ts";
import type { Message, TranslatableRequest } from "../../../shared/anthropic/messages.ts";
import type { ChatMessage, ThinkingBlock, ToolCall } from "../../../shared/openai/chat.ts";
import { contentOf, partsOf } from "./chat-parts.ts";
import { readToolUseId } from "./tool-use-id.ts";

type SystemBlocks = NonNullable<TranslatableRequest["system"]>;
type UserBlocks = Extract<Message, { role: "user" }>["content"];

/** The conversation as a chat has it, the system prompt first. */
export function chatMessages({ system, messages }: TranslatableRequest): ChatMessage[] {
  return [...systemMessages(system ?? []), ...messages.flatMap(translated)];
}

function translated(message: Message): ChatMessage[] {
  switch (message.role) {
    case "system":
      return systemMessages(message.content ?? []);
    case "user":
      return userMessages(message.content);
    case "assistant":
      return [assistantMessage(message.content)];
  }
}

/**
 * Claude Code begins its prompt with a line that only Anthropic's accounting reads, and that is another one in every call: at
 * any other upstream it would do nothing but keep the prompt out of the cache.
 */
const accountingLine = "x-anthropic-billing-header:";

function systemMessages(blocks: SystemBlocks): ChatMessage[] {
  const read = blocks.filter(({ text }) => !text.startsWith(accountingLine));
  return read.length === 0 ? [] : [{ role: "system", content: contentOf(partsOf(read)) }];
}

/** Results first, wherever they stood: a chat's results follow the calls at once. */
function userMessages(blocks: UserBlocks): ChatMessage[] {
  const results = blocks.filter((block) => block.type === "tool_result").map(toolMessage);
  const parts = partsOf(blocks.filter((block) => block.type !== "tool_result"));
  if (results.length > 0 && parts.length === 0) return results;
  return [...results, { role: "user", content: contentOf(parts) }];
}

/** A chat has no word for a result that is a failure: `is_error` stays on the message, for providers that have one. */
function toolMessage(block: ToolResultBlock): ChatMessage {
  return {
    role: "tool",
    tool_call_id: readToolUseId(block.tool_use_id).id,
    content: contentOf(partsOf(block.content ?? [])),
    ...(block.is_error && { is_error: true }),
    ...(block.cache_control && { cache_control: block.cache_control }),
  };
}

/**
 * Thoughts go twice: as plain text, which is what upstreams that seal nothing read, and those that are sealed in blocks too,
 * for providers that check the seal.
 */
function assistantMessage(blocks: readonly AssistantBlock[]): ChatMessage {
  const parts = partsOf(blocks.filter((block) => block.type === "text"));
  const calls = blocks.filter((block) => block.type === "tool_use").map(toolCall);
  const sealed = blocks.filter(isSealed);
  const thinking = blocks
    .map((block) => (block.type === "thinking" ? block.thinking : ""))
    .join("");
  return {
    role: "assistant",
    content: parts.length === 0 && calls.length > 0 ? null : contentOf(parts),
    ...(calls.length > 0 && { tool_calls: calls }),
    ...(sealed.length > 0 && { thinking_blocks: sealed }),
    ...(thinking && { reasoning_content: thinking }),
  };
}

/** A thought without a signature comes from a model that signs none: a provider that asks for one would refuse it. */
function isSealed(block: AssistantBlock): block is AssistantBlock & ThinkingBlock {
  return (block.type === "thinking" && !!block.signature) || block.type === "redacted_thinking";
}

function toolCall({ id: shown, name, input, cache_control }: ToolUseBlock): ToolCall {
  const { id, thoughtSignature } = readToolUseId(shown);
  return {
    id,
    type: "function",
    function: { name, arguments: JSON.stringify(input ?? {}) },
    ...(thoughtSignature !== undefined && {
      extra_content: { google: { thought_signature: thoughtSignature } },
    }),
    ...(cache_control && { cache_control }),
  };
}
