import { type DataUrl, parseDataUrl } from "../data-url.ts";
import type { LanguageModelV3DataContent, LanguageModelV3FilePart } from "@ai-sdk/provider";
import type { ContentPart } from "../../../shared/openai/chat.ts";
import { untranslatable } from "../translation.ts";

/** Which addresses a model fetches by itself: patterns of them by media type, as `supportedUrls` of a model says. */
export type SupportedUrls = Readonly<Record<string, readonly RegExp[]>>;

export type MediaPart = Extract<ContentPart, { type: "image_url" | "input_audio" | "file" }>;

interface Media {
  readonly mediaType: string;
  readonly data: LanguageModelV3DataContent;
  readonly filename?: string;
}

/**
 * An image, a sound or a document as a package takes it.
 *
 * @throws GatewayError `invalid_request` for an address that the model does not fetch, and for what was uploaded elsewhere
 */
export function filePartOf(part: MediaPart, supported: SupportedUrls): LanguageModelV3FilePart {
  return { type: "file", ...mediaOf(part, supported) };
}

function mediaOf(part: MediaPart, supported: SupportedUrls): Media {
  switch (part.type) {
    case "image_url":
      return addressed(part.image_url.url, "image/*", supported);
    case "input_audio": {
      const { data, format } = part.input_audio;
      return { mediaType: `audio/${format === "mp3" ? "mpeg" : format}`, data };
    }
    case "file": {
      const { file_data, filename } = part.file;
      if (!file_data)
        throw untranslatable(
          "messages",
          "Cannot use a file by its id: the provider has no files of yours, send its content as file_data",
        );
      const media = addressed(file_data, "application/pdf", supported);
      return { ...media, ...(filename && { filename }) };
    }
  }
}

/** Whether the model fetches such an address by itself. */
export function takesUrl(supported: SupportedUrls, mediaType: string, url: string): boolean {
  const [kind] = mediaType.split("/");
  return Object.entries(supported).some(
    ([type, patterns]) =>
      ["*", "*/*", `${kind}/*`, mediaType].includes(type) &&
      patterns.some((pattern) => pattern.test(url.toLowerCase())),
  );
}

function addressed(address: string, presumedType: string, supported: SupportedUrls): Media {
  const inline = parseDataUrl(address);
  if (inline) return inlined(inline);
  if (!URL.canParse(address))
    throw untranslatable(
      "messages",
      `Cannot use ${JSON.stringify(address.slice(0, 80))}: it is neither an address nor a data URL`,
    );
  if (!takesUrl(supported, presumedType, address))
    throw untranslatable(
      "messages",
      `Cannot use ${JSON.stringify(address)}: the model takes files as data only`,
    );
  return { mediaType: presumedType, data: new URL(address) };
}

function inlined({ mediaType, base64 }: DataUrl): Media {
  // Cohere's package takes text for the document itself: only bytes are read the same way by all of them.
  const isText = mediaType.startsWith("image/") || mediaType.startsWith("audio/");
  return { mediaType, data: isText ? base64 : Buffer.from(base64, "base64") };
}
