import type { LanguageModelV3ToolResultOutput } from "@ai-sdk/provider";
import type { ChatMessage, ContentPart } from "../../../shared/openai/chat.ts";
import { filePartOf, type SupportedUrls } from "./media.ts";

export type ToolMessage = Extract<ChatMessage, { role: "tool" }>;
type ContentOutput = Extract<LanguageModelV3ToolResultOutput, { type: "content" }>;

/** What a tool answered: text, unless there is more than text in it. */
export function toolResultOf(
  { content }: ToolMessage,
  supported: SupportedUrls,
): LanguageModelV3ToolResultOutput {
  if (typeof content === "string") return { type: "text", value: content };
  const texts = content.flatMap((part) => (part.type === "text" ? [part.text] : []));
  if (texts.length === content.length) return { type: "text", value: texts.join("\n") };
  return { type: "content", value: content.map((part) => resultPart(part, supported)) };
}

function resultPart(part: ContentPart, supported: SupportedUrls): ContentOutput["value"][number] {
  if (part.type === "text") return { type: "text", text: part.text };
  if (part.type === "refusal") return { type: "text", text: part.refusal };
  const { data, mediaType, filename } = filePartOf(part, supported);
  const isImage = mediaType.startsWith("image/");
  if (data instanceof URL) return { type: isImage ? "image-url" : "file-url", url: data.href };
  const base64 = typeof data === "string" ? data : Buffer.from(data).toString("base64");
  if (isImage) return { type: "image-data", data: base64, mediaType };
  return {
    type: "file-data",
    data: base64,
    mediaType,
    ...(filename !== undefined && { filename }),
  };
}
