import type { ChatMessage } from "../../../shared/openai/chat.ts";
import type { FunctionResponsePart, MediaPart, Part } from "./content.ts";
import { type Fields, isFields, parseJson } from "../json.ts";
import { encodeMedia } from "./media-part.ts";
import type { ModelTraits } from "./model.ts";

type ToolMessage = Extract<ChatMessage, { role: "tool" }>;

interface Answered {
  readonly name: string;
  readonly traits: ModelTraits;
  /** Where the message stands, for errors. */
  readonly param: string;
}

/**
 * A tool's result as the response of the function that was called. Images and files in it are parts of the response since
 * Gemini 3; before, they stand beside it.
 */
export function encodeToolResult(message: ToolMessage, { name, traits, param }: Answered): Part[] {
  const texts: string[] = [];
  const media: MediaPart[] = [];
  if (typeof message.content === "string") texts.push(message.content);
  else
    for (const [index, part] of message.content.entries()) {
      if (part.type === "text") texts.push(part.text);
      else if (part.type === "refusal") texts.push(part.refusal);
      else media.push(encodeMedia(part, `${param}.content.${index}`));
    }
  const functionResponse: FunctionResponsePart["functionResponse"] = {
    ...(traits.isGemini3 && { id: message.tool_call_id }),
    name,
    response: responseOf(texts.join("\n")),
    ...(traits.isGemini3 && media.length > 0 && { parts: media }),
  };
  return traits.isGemini3 ? [{ functionResponse }] : [{ functionResponse }, ...media];
}

/**
 * Gemini takes an object only, and reads `output` as the whole of what the function says. An object with a `$ref` in it stays
 * text: Gemini would take that for the name of a part.
 *
 * Source: https://ai.google.dev/api/caching#FunctionResponse
 */
function responseOf(text: string): Fields {
  return (text.includes('"$ref"') ? undefined : parseObject(text)) ?? { output: text };
}

/** Undefined where the text is no JSON object. */
export function parseObject(text: string): Fields | undefined {
  const value = parseJson(text);
  return isFields(value) ? value : undefined;
}
