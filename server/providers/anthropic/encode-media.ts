import type { ContentPart } from "../../../shared/openai/chat.ts";
import { type Translation, untranslatable } from "../translation.ts";
import { type Block, cacheMark } from "./block.ts";
import { parseDataUrl } from "../data-url.ts";

type ImagePart = Extract<ContentPart, { type: "image_url" }>;
type FilePart = Extract<ContentPart, { type: "file" }>;
type Source = Readonly<Record<string, string>>;

interface Media {
  readonly type: "image" | "document";
  readonly source: Source;
}

/** @param at where it stands in the request, as in `messages.0.content.1` */
export function encodeImage(part: ImagePart, at: string, translation: Translation): Block {
  const { url, detail } = part.image_url;
  if (detail && detail !== "auto") translation.drop("detail");
  const media: Media | undefined = isWebAddress(url)
    ? { type: "image", source: { type: "url", url } }
    : mediaOfDataUrl(url);
  if (media === undefined)
    throw untranslatable(
      `${at}.image_url.url`,
      `Cannot send the image to Anthropic: ${excerpt(url)} is neither a web address nor a data URL of a JPEG, PNG, GIF, WebP or PDF`,
    );
  return { ...media, ...cacheMark(part) };
}

/** @param at where it stands in the request, as in `messages.0.content.1` */
export function encodeFile(part: FilePart, at: string): Block {
  const { file_data: data, file_id: id, filename } = part.file;
  const media = id ? mediaOfUpload(id, filename ?? "") : mediaOfFile(data ?? "");
  if (media === undefined)
    throw untranslatable(
      `${at}.file`,
      `Cannot send the file to Anthropic: ${excerpt(data ?? "")} is neither a web address, nor a data URL of a PDF, a text or an image, and no file_id is given`,
    );
  const title = media.type === "document" && filename ? { title: filename } : {};
  return { ...media, ...title, ...cacheMark(part) };
}

function isWebAddress(url: string): boolean {
  return /^https?:\/\//i.test(url);
}

const imageTypes = new Map([
  ["image/jpeg", "image/jpeg"],
  ["image/jpg", "image/jpeg"],
  ["image/png", "image/png"],
  ["image/gif", "image/gif"],
  ["image/webp", "image/webp"],
]);

function mediaOfDataUrl(url: string): Media | undefined {
  const parsed = parseDataUrl(url);
  if (parsed === undefined) return undefined;
  const { mediaType, base64: data } = parsed;
  const imageType = imageTypes.get(mediaType);
  if (imageType !== undefined)
    return { type: "image", source: { type: "base64", media_type: imageType, data } };
  if (mediaType === "application/pdf")
    return { type: "document", source: { type: "base64", media_type: mediaType, data } };
  return undefined;
}

function mediaOfFile(data: string): Media | undefined {
  if (isWebAddress(data)) return { type: "document", source: { type: "url", url: data } };
  return mediaOfDataUrl(data) ?? textDocument(data);
}

/** Every text is `text/plain` to Anthropic. */
function textDocument(url: string): Media | undefined {
  const parsed = parseDataUrl(url);
  const isText = parsed?.mediaType.startsWith("text/") || parsed?.mediaType === "application/json";
  if (parsed === undefined || !isText) return undefined;
  const data = Buffer.from(parsed.base64, "base64").toString();
  return { type: "document", source: { type: "text", media_type: "text/plain", data } };
}

/** Of Anthropic's own Files API. The request does not say what it is, but for its name. */
function mediaOfUpload(id: string, filename: string): Media {
  const isImage = /\.(png|jpe?g|gif|webp)$/i.test(filename);
  return { type: isImage ? "image" : "document", source: { type: "file", file_id: id } };
}

/** Addresses of data are megabytes long. */
function excerpt(text: string): string {
  return JSON.stringify(text.length > 60 ? `${text.slice(0, 60)}…` : text);
}
