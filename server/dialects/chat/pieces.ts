import type { ModelEvent, ToolCallStart } from "../../providers/model-event.ts";

/** A tool call as a message has it. Gemini's signature travels where Google's own OpenAI-shaped API has it. */
export function encodeCall(call: ToolCallStart, json: string) {
  const { id, name, thoughtSignature } = call;
  return {
    id,
    type: "function",
    function: { name, arguments: json },
    ...(thoughtSignature !== undefined && {
      extra_content: { google: { thought_signature: thoughtSignature } },
    }),
  };
}

/** An image that was generated, as OpenRouter puts it into a chat: OpenAI's format has no word for one. */
export function encodeImage({ mediaType, data }: Extract<ModelEvent, { type: "image" }>) {
  return { type: "image_url", image_url: { url: `data:${mediaType};base64,${data}` } };
}
