import { createHash } from "node:crypto";
import {
  translatableRequest,
  type TranslatableRequest,
} from "../../../shared/anthropic/messages.ts";
import type { Chat } from "../../../shared/openai/chat.ts";
import { invalidRequest } from "../../errors.ts";
import type { Translated } from "../dialect.ts";
import { chatMessages } from "./chat-messages.ts";
import { chatToolChoice, chatTools, droppedOfTools, parallelToolCalls } from "./chat-tools.ts";

/**
 * A request of Anthropic's Messages format as a chat.
 *
 * @throws GatewayError `invalid_request`, `param` being the path of what is at fault: a block of a kind that only Anthropic
 *   knows is `messages.1.content.0.type`
 */
export function toChat(request: Readonly<Record<string, unknown>>): Translated {
  const { data, error } = translatableRequest.safeParse(request);
  if (error) throw invalidRequest(error);
  return { chat: chatOf(data), dropped: droppedOf(data) };
}

function chatOf(request: TranslatableRequest): Chat {
  const { tools, tool_choice: choice, output_config: output, thinking } = request;
  return withoutAbsent({
    model: request.model,
    messages: chatMessages(request),
    stream: request.stream,
    max_tokens: request.max_tokens,
    temperature: request.temperature,
    top_p: request.top_p,
    top_k: request.top_k,
    stop: request.stop_sequences,
    tools: tools && chatTools(tools),
    tool_choice: choice && chatToolChoice(choice),
    parallel_tool_calls: parallelToolCalls(choice),
    response_format: responseFormat(output?.format ?? request.output_format),
    reasoning_effort: output?.effort === "max" ? highestEffort : output?.effort,
    thinking: thinking?.type === "between_tools" ? undefined : thinking,
    user: userOf(request.metadata?.user_id),
  });
}

/** `max` is Anthropic's alone. */
const highestEffort = "xhigh";

/** Not `strict`: OpenAI then refuses every schema with an optional property, and Anthropic takes them. */
function responseFormat(format: TranslatableRequest["output_format"]): Chat["response_format"] {
  return format
    ? { type: "json_schema", json_schema: { name: "output", schema: format.schema } }
    : undefined;
}

/** The longest name of a user that OpenAI takes; OpenRouter and Zhipu take 128 characters. */
const maxUserLength = 64;

/** Claude Code's name of a user is JSON of 200 characters: its hash tells users apart as well. */
function userOf(id: string | null | undefined): string | undefined {
  if (!id) return undefined;
  return id.length <= maxUserLength ? id : createHash("sha256").update(id).digest("hex");
}

const translatedFields = new Set(Object.keys(translatableRequest.shape));
const translatedOutput = new Set(["effort", "format"]);

function droppedOf(request: TranslatableRequest): string[] {
  const { output_config: output, thinking, tools, messages } = request;
  return [
    ...given(request).filter((name) => !translatedFields.has(name)),
    ...given(output ?? {})
      .filter((name) => !translatedOutput.has(name))
      .map((name) => `output_config.${name}`),
    ...(thinking?.type === "between_tools" ? ["thinking"] : []),
    ...droppedOfTools(tools ?? []),
    ...(messages.some(asksForCitations) ? ["citations"] : []),
  ];
}

function asksForCitations(message: TranslatableRequest["messages"][number]): boolean {
  return (
    message.role === "user" &&
    message.content.some((block) => block.type === "document" && block.citations?.enabled)
  );
}

function given(fields: Readonly<Record<string, unknown>>): string[] {
  return Object.keys(fields).filter((name) => fields[name] !== null && fields[name] !== undefined);
}

/** A null would be a parameter that the client did not send. */
function withoutAbsent(chat: Chat): Chat {
  for (const name of Object.keys(chat))
    if (chat[name] === null || chat[name] === undefined) delete chat[name];
  return chat;
}
