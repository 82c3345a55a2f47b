import type { Chat } from "../../../../shared/openai/chat.ts";
import {
  responsesInDepth,
  type ResponsesInDepth,
  type ResponsesTextFormat,
} from "../../../../shared/openai/responses.ts";
import { GatewayError, invalidRequest } from "../../../errors.ts";
import type { Translated } from "../../dialect.ts";
import { Conversation } from "./conversation.ts";
import { droppedParameters } from "./parameters.ts";
import { refuseState } from "./stateless.ts";
import { ToolNames } from "../tool-names.ts";
import { chatTools } from "./tools.ts";

/** See `Dialect.toChat`. */
export function toChat(request: Readonly<Record<string, unknown>>): Translated {
  const { data, error } = responsesInDepth.safeParse(request);
  if (error) throw invalidRequest(error);
  refuseState(data);
  const names = new ToolNames(request);
  const conversation = conversationOf(data, names);
  const { dropped, ...tools } = chatTools(data, names);
  return {
    chat: { ...settingsOf(data), ...tools, messages: conversation.messages },
    dropped: [...new Set([...droppedParameters(data), ...dropped, ...conversation.dropped])],
  };
}

function conversationOf(request: ResponsesInDepth, names: ToolNames): Conversation {
  const { instructions, input } = request;
  const conversation = new Conversation(names);
  if (instructions) conversation.messages.push({ role: "system", content: instructions });
  conversation.addAll(input ?? []);
  if (conversation.messages.length === 0)
    throw new GatewayError("invalid_request", "Cannot answer without an input", { param: "input" });
  return conversation;
}

function settingsOf(request: ResponsesInDepth): Partial<Chat> & Pick<Chat, "model"> {
  const { model, stream, max_output_tokens, temperature, top_p, user, text, reasoning } = request;
  const format = responseFormat(text?.format ?? undefined);
  return {
    model,
    ...(stream && { stream }),
    ...(max_output_tokens && { max_tokens: max_output_tokens }),
    ...(typeof temperature === "number" && { temperature }),
    ...(typeof top_p === "number" && { top_p }),
    ...(user && { user }),
    ...(format && { response_format: format }),
    ...(reasoning?.effort && { reasoning_effort: reasoning.effort }),
  };
}

function responseFormat(format: ResponsesTextFormat | undefined): Chat["response_format"] {
  if (format === undefined || format.type === "text") return undefined;
  if (format.type === "json_object") return { type: "json_object" };
  const { name, description, schema, strict } = format;
  return { type: "json_schema", json_schema: { name, description, schema, strict } };
}
