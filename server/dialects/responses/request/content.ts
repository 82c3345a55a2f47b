import type { ContentPart } from "../../../../shared/openai/chat.ts";
import type { ResponsesPart } from "../../../../shared/openai/responses.ts";
import { GatewayError } from "../../../errors.ts";

type ChatContent = string | ContentPart[];

/**
 * The content of a message or of a tool's output. One text is a string: many upstreams take nothing else from any role but
 * the user's.
 */
export function chatContent(content: readonly ResponsesPart[], param: string): ChatContent {
  const parts = content.map((part, index) => chatPart(part, `${param}.${index}`));
  const [first] = parts;
  if (first === undefined) return "";
  const isPlainText = parts.length === 1 && first.type === "text" && !first.cache_control;
  return isPlainText ? first.text : parts;
}

function chatPart(part: ResponsesPart, param: string): ContentPart {
  switch (part.type) {
    case "input_text":
    case "output_text":
    case "text":
      return { type: "text", text: part.text, ...cacheMark(part) };
    case "input_image":
      return { type: "image_url", image_url: imageOf(part, param), ...cacheMark(part) };
    case "input_file":
      return { type: "file", file: fileOf(part, param), ...cacheMark(part) };
    case "input_audio":
      return { type: "input_audio", input_audio: part.input_audio };
    case "refusal":
      return { type: "refusal", refusal: part.refusal };
  }
}

type PartOf<Type> = Extract<ResponsesPart, { type: Type }>;

function imageOf({ image_url, detail }: PartOf<"input_image">, param: string) {
  if (!image_url)
    throw new GatewayError(
      "invalid_request",
      "Cannot show the model an image without an image_url: this model's provider has no files of yours",
      { param },
    );
  return { url: image_url, ...(detail && { detail }) };
}

function fileOf({ file_data, file_url, file_id, filename }: PartOf<"input_file">, param: string) {
  const data = file_data ?? file_url;
  if (!data && !file_id)
    throw new GatewayError(
      "invalid_request",
      "Cannot show the model a file without one of file_data, file_url and file_id",
      { param },
    );
  return {
    ...(data && { file_data: data }),
    ...(file_id && { file_id }),
    ...(filename && { filename }),
  };
}

/** Both marks say the same: what comes before, this part included, may be read from a cache next time. */
function cacheMark(part: { prompt_cache_breakpoint?: unknown }) {
  return part.prompt_cache_breakpoint ? { cache_control: { type: "ephemeral" as const } } : {};
}
