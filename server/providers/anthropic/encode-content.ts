import type { ContentPart } from "../../../shared/openai/chat.ts";
import { type Translation, untranslatable } from "../translation.ts";
import { type Block, textBlocks } from "./block.ts";
import { encodeFile, encodeImage } from "./encode-media.ts";

type Content = string | readonly ContentPart[] | null | undefined;

/**
 * What a user or a tool says.
 *
 * @param at where it stands in the request, as in `messages.0.content`
 * @throws GatewayError `invalid_request` for sound, and for media that Anthropic does not take
 */
export function encodeContent(
  content: Content,
  at: string,
  translation: Translation,
): readonly Block[] {
  if (typeof content === "string") return textBlocks(content);
  return (content ?? []).flatMap((part, index) => encodePart(part, `${at}.${index}`, translation));
}

function encodePart(part: ContentPart, at: string, translation: Translation): readonly Block[] {
  switch (part.type) {
    case "text":
      return textBlocks(part.text, part);
    case "refusal":
      return textBlocks(part.refusal);
    case "image_url":
      return [encodeImage(part, at, translation)];
    case "file":
      return [encodeFile(part, at)];
    case "input_audio":
      throw untranslatable(at, "Cannot send sound to Anthropic: its models do not listen");
  }
}

/**
 * What may be text only, as the words of a system and of an assistant.
 *
 * @param speaker as in `a system message`
 * @throws GatewayError `invalid_request` for anything but text
 */
export function encodeWords(content: Content, at: string, speaker: string): readonly Block[] {
  if (typeof content === "string") return textBlocks(content);
  return (content ?? []).flatMap((part, index) => {
    if (part.type === "text") return textBlocks(part.text, part);
    if (part.type === "refusal") return textBlocks(part.refusal);
    throw untranslatable(
      `${at}.${index}`,
      `Cannot send ${JSON.stringify(part.type)} in ${speaker} to Anthropic: it takes text only there`,
    );
  });
}
