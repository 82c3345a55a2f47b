import type {
  LanguageModelV3Message,
  LanguageModelV3Prompt,
  LanguageModelV3ReasoningPart,
  LanguageModelV3TextPart,
  LanguageModelV3ToolCallPart,
} from "@ai-sdk/provider";
import type { ChatMessage, ContentPart, ToolCall } from "../../../shared/openai/chat.ts";
import { isFields, parseJson } from "../json.ts";
import { untranslatable } from "../translation.ts";
import { filePartOf, type SupportedUrls } from "./media.ts";
import { cacheMark, callMark, thoughtMark } from "./provider-marks.ts";
import { type ToolMessage, toolResultOf } from "./tool-result.ts";

type SystemMessage = Extract<ChatMessage, { role: "system" | "developer" }>;
type UserMessage = Extract<ChatMessage, { role: "user" }>;
type AssistantMessage = Extract<ChatMessage, { role: "assistant" }>;

export interface PromptRules {
  readonly supportedUrls: SupportedUrls;
  /** The vendor takes instructions only before everything else: those in between are moved there. */
  readonly hoistsSystem: boolean;
  /** The vendor refuses most names of files, and numbers documents that have none. */
  readonly hidesFilenames: boolean;
}

/** @throws GatewayError `invalid_request` for content that the model or its package has no words for */
export function promptOf(
  messages: readonly ChatMessage[],
  rules: PromptRules,
): LanguageModelV3Prompt {
  const toolNames = new Map<string, string>();
  const prompt = messages.flatMap((message, index): LanguageModelV3Message[] => {
    switch (message.role) {
      case "system":
      case "developer":
        return systemMessages(message);
      case "user":
        return [userMessage(message, rules)];
      case "assistant":
        for (const call of message.tool_calls ?? []) toolNames.set(call.id, call.function.name);
        return [assistantMessage(message, `messages.${index}`)];
      case "tool":
        return [toolMessage(message, toolNames, rules)];
    }
  });
  if (!rules.hoistsSystem) return prompt;
  return [...prompt.filter(isSystem), ...prompt.filter((message) => !isSystem(message))];
}

function isSystem({ role }: LanguageModelV3Message): boolean {
  return role === "system";
}

/** One for each part: a part's cache mark has no other place. */
function systemMessages(message: SystemMessage): LanguageModelV3Message[] {
  return textParts(message.content, message.role)
    .filter(({ text }) => text !== "")
    .map(({ text, providerOptions }, index, parts) => ({
      role: "system",
      content: text,
      ...(index === parts.length - 1 && cacheMark(message.cache_control)),
      ...(providerOptions && { providerOptions }),
    }));
}

function userMessage(message: UserMessage, rules: PromptRules): LanguageModelV3Message {
  const parts = partsOf(message.content);
  return {
    role: "user",
    content: parts.map((part) => {
      if (part.type === "text" || part.type === "refusal") return textPart(part);
      const { filename, ...file } = filePartOf(part, rules.supportedUrls);
      return {
        ...file,
        ...(filename !== undefined && !rules.hidesFilenames && { filename }),
        ...cacheMark(part.cache_control),
      };
    }),
    ...cacheMark(message.cache_control),
  };
}

/** @param at where it stands in the request, as in `messages.0` */
function assistantMessage(message: AssistantMessage, at: string): LanguageModelV3Message {
  const text = textParts(message.content ?? "", "assistant").filter((part) => part.text !== "");
  const refusal = message.refusal ? [{ type: "text" as const, text: message.refusal }] : [];
  const calls = (message.tool_calls ?? []).map((call, index) =>
    toolCallPart(call, `${at}.tool_calls.${index}`),
  );
  return {
    role: "assistant",
    content: [...thoughtParts(message), ...text, ...refusal, ...calls],
    ...cacheMark(message.cache_control),
  };
}

function thoughtParts(message: AssistantMessage): LanguageModelV3ReasoningPart[] {
  if (message.thinking_blocks?.length)
    return message.thinking_blocks.map((block) => ({
      type: "reasoning",
      text: block.type === "thinking" ? block.thinking : "",
      ...thoughtMark(block),
    }));
  return message.reasoning_content ? [{ type: "reasoning", text: message.reasoning_content }] : [];
}

function toolCallPart(call: ToolCall, at: string): LanguageModelV3ToolCallPart {
  return {
    type: "tool-call",
    toolCallId: call.id,
    toolName: call.function.name,
    input: inputOf(call.function, `${at}.function.arguments`),
    ...cacheMark(call.cache_control),
    ...callMark(call.extra_content?.google?.thought_signature),
  };
}

/** Vendors take an object. Text in its place would be refused by some, and read as something else by the others. */
function inputOf({ name, arguments: json }: ToolCall["function"], param: string): unknown {
  // Clients say so of a call without arguments.
  if (json.trim() === "") return {};
  const parsed = parseJson(json);
  if (isFields(parsed)) return parsed;
  throw untranslatable(
    param,
    `Cannot send the call of ${JSON.stringify(name)}: its arguments are no JSON object`,
  );
}

function toolMessage(
  message: ToolMessage,
  toolNames: ReadonlyMap<string, string>,
  rules: PromptRules,
): LanguageModelV3Message {
  const toolName = toolNames.get(message.tool_call_id) ?? message.tool_call_id;
  return {
    role: "tool",
    content: [
      {
        type: "tool-result",
        toolCallId: message.tool_call_id,
        toolName,
        output: toolResultOf(message, rules.supportedUrls),
        ...cacheMark(message.cache_control),
      },
    ],
  };
}

function textParts(content: string | ContentPart[], role: string): LanguageModelV3TextPart[] {
  return partsOf(content).map((part) => {
    if (part.type === "text" || part.type === "refusal") return textPart(part);
    throw untranslatable(
      "messages",
      `Cannot use a part of type ${JSON.stringify(part.type)} in a message of role ${JSON.stringify(role)}: its provider takes text there`,
    );
  });
}

function partsOf(content: string | ContentPart[]): ContentPart[] {
  return typeof content === "string" ? [{ type: "text", text: content }] : content;
}

function textPart(
  part: Extract<ContentPart, { type: "text" | "refusal" }>,
): LanguageModelV3TextPart {
  if (part.type === "refusal") return { type: "text", text: part.refusal };
  return { type: "text", text: part.text, ...cacheMark(part.cache_control) };
}
