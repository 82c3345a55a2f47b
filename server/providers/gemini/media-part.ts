import type { ContentPart } from "../../../shared/openai/chat.ts";
import { untranslatable } from "../translation.ts";
import type { MediaPart } from "./content.ts";
import { parseDataUrl } from "../data-url.ts";
import { wordsOf } from "../json.ts";

type Media = Exclude<ContentPart, { type: "text" | "refusal" }>;

const filesApi = "https://generativelanguage.googleapis.com/v1beta/";

/** Whether Google reads an address by itself, so that nobody needs to fetch it: of its Files API, of Cloud Storage, of YouTube. */
export function isReadByGoogle(url: string): boolean {
  return /^(?:gs:\/\/|https:\/\/(?:generativelanguage\.googleapis\.com\/v1(?:beta)?\/files\/|(?:www\.)?youtube\.com\/watch\?|youtu\.be\/))/.test(
    url,
  );
}

/**
 * An image, a recording or a file as Gemini takes it: data inline, the addresses that Google reads itself by name.
 *
 * @param param where the part stands in the request, for errors
 */
export function encodeMedia(part: Media, param: string): MediaPart {
  switch (part.type) {
    case "image_url":
      return fromUrl(part.image_url.url, {
        param: `${param}.image_url.url`,
        type: wordsOf(part.image_url["format"]),
      });
    case "input_audio":
      return fromAudio(part.input_audio, `${param}.input_audio.format`);
    case "file":
      return fromFile(part.file, `${param}.file`);
  }
}

interface Place {
  readonly param: string;
  /** The media type, where the client told it apart from the data. */
  readonly type: string | undefined;
}

function fromUrl(url: string, { param, type }: Place): MediaPart {
  const inline = parseDataUrl(url);
  if (inline) return { inlineData: { mimeType: inline.mediaType, data: inline.base64 } };
  if (isReadByGoogle(url)) return byName(url, type ?? typeByExtension(url));
  throw untranslatable(
    param,
    `Cannot read ${JSON.stringify(shortened(url))}: it is neither a data URL nor an address that Google reads`,
  );
}

function fromAudio({ data, format }: { data: string; format: string }, param: string): MediaPart {
  if (!/^[\w.+-]+$/.test(format))
    throw untranslatable(
      param,
      `Cannot read audio of the format ${JSON.stringify(shortened(format))}`,
    );
  return { inlineData: { mimeType: `audio/${format.toLowerCase()}`, data } };
}

function fromFile(file: Extract<Media, { type: "file" }>["file"], param: string): MediaPart {
  const type = wordsOf(file["format"]);
  if (file.file_data) return fromUrl(file.file_data, { param: `${param}.file_data`, type });
  if (!file.file_id)
    throw untranslatable(param, "Cannot read a file that has neither file_data nor file_id");
  const url = file.file_id.startsWith("files/") ? `${filesApi}${file.file_id}` : file.file_id;
  return fromUrl(url, {
    param: `${param}.file_id`,
    type: type ?? typeByExtension(file.filename ?? ""),
  });
}

function byName(fileUri: string, mimeType: string | undefined): MediaPart {
  return { fileData: mimeType === undefined ? { fileUri } : { fileUri, mimeType } };
}

/** Vertex wants the type of what lies in Cloud Storage. */
const typesByExtension: ReadonlyMap<string, string> = new Map([
  ["png", "image/png"],
  ["jpg", "image/jpeg"],
  ["jpeg", "image/jpeg"],
  ["webp", "image/webp"],
  ["heic", "image/heic"],
  ["heif", "image/heif"],
  ["pdf", "application/pdf"],
  ["txt", "text/plain"],
  ["md", "text/markdown"],
  ["csv", "text/csv"],
  ["wav", "audio/wav"],
  ["mp3", "audio/mp3"],
  ["flac", "audio/flac"],
  ["ogg", "audio/ogg"],
  ["mp4", "video/mp4"],
  ["mov", "video/quicktime"],
  ["webm", "video/webm"],
]);

function typeByExtension(name: string): string | undefined {
  return typesByExtension.get(name.slice(name.lastIndexOf(".") + 1).toLowerCase());
}

function shortened(text: string): string {
  return text.length > 100 ? `${text.slice(0, 100)}…` : text;
}
