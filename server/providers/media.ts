import type { Chat, ContentPart } from "../../shared/openai/chat.ts";
import { GatewayError } from "../errors.ts";
import { ByteBudget, safeFetch, type Fetched, type SafeFetchOptions } from "./safe-fetch.ts";

export interface MediaOptions extends Omit<SafeFetchOptions, "param" | "budget"> {
  /** Addresses that stay: the provider reads them itself. */
  readonly keeps?: (url: string) => boolean;
  /** 20 MB by default, over all of a request. */
  readonly maxBytes?: number;
}

const mostPlaces = 16;
const defaultMaxBytes = 20 * 1024 * 1024;
const concurrency = 4;

/**
 * Puts data URLs in the place of what a chat names by http or https: images (`image_url.url`) and files (`file.file_data`). A chat
 * without any is given back as it is.
 *
 * @throws GatewayError `invalid_request` naming the place, as in `messages.2.content.0.image_url.url`
 */
export async function inlineMedia(chat: Chat, options: MediaOptions = {}): Promise<Chat> {
  const places = placesIn(chat, options.keeps);
  if (places.length === 0) return chat;
  if (places.length > mostPlaces)
    throw new GatewayError(
      "invalid_request",
      `Cannot fetch ${places.length} images and files for one request: ${mostPlaces} at most`,
      { param: "messages" },
    );
  const fetched = await fetchAll(places, options);
  return {
    ...chat,
    messages: chat.messages.map((message) =>
      Array.isArray(message.content)
        ? { ...message, content: message.content.map((part) => replaced(part, fetched)) }
        : message,
    ),
  };
}

interface Place {
  readonly part: ContentPart;
  readonly url: string;
  readonly param: string;
}

function placesIn({ messages }: Chat, keeps: MediaOptions["keeps"]): Place[] {
  return messages.flatMap(({ content }, message) =>
    Array.isArray(content)
      ? content.flatMap((part, index) => {
          const named = namedBy(part);
          if (!named || !/^https?:/i.test(named.url) || keeps?.(named.url)) return [];
          const param = `messages.${message}.content.${index}.${named.field}`;
          return [{ part, url: named.url, param }];
        })
      : [],
  );
}

function namedBy(part: ContentPart): { url: string; field: string } | undefined {
  if (part.type === "image_url") return { url: part.image_url.url, field: "image_url.url" };
  if (part.type === "file" && part.file.file_data)
    return { url: part.file.file_data, field: "file.file_data" };
  return undefined;
}

/** By the part that names it. The first failure ends the others. */
async function fetchAll(
  places: readonly Place[],
  options: MediaOptions,
): Promise<Map<ContentPart, string>> {
  const budget = new ByteBudget(options.maxBytes ?? defaultMaxBytes);
  const failed = new AbortController();
  const signal = options.signal ? AbortSignal.any([failed.signal, options.signal]) : failed.signal;
  const fetched = new Map<ContentPart, string>();
  const queue = places.values();
  const work = async () => {
    for (const { part, url, param } of queue)
      fetched.set(
        part,
        dataUrl(await safeFetch(url, { ...options, signal, budget, param }), param),
      );
  };
  try {
    await Promise.all(Array.from({ length: concurrency }, work));
  } catch (thrown) {
    failed.abort();
    throw thrown;
  }
  return fetched;
}

function replaced(part: ContentPart, fetched: ReadonlyMap<ContentPart, string>): ContentPart {
  const url = fetched.get(part);
  if (url === undefined) return part;
  if (part.type === "image_url") return { ...part, image_url: { ...part.image_url, url } };
  if (part.type === "file") return { ...part, file: { ...part.file, file_data: url } };
  return part;
}

/** What models read. A page of the web is none of it: the gateway is no browser. */
const mediaType =
  /^(?:(?:image|audio|video)\/[\w.+-]+|application\/pdf|text\/(?:plain|csv|markdown))$/;

function dataUrl({ bytes, contentType }: Fetched, param: string): string {
  const isTold = contentType !== undefined && contentType !== "application/octet-stream";
  const type = isTold ? contentType : sniff(bytes);
  if (type !== undefined && mediaType.test(type))
    return `data:${type};base64,${bytes.toString("base64")}`;
  const why =
    type === undefined ? "its host does not say what it is" : `it is ${JSON.stringify(type)}`;
  throw new GatewayError("invalid_request", `Cannot use what was fetched as media: ${why}`, {
    param,
  });
}

/** Object stores often serve images as mere bytes. */
const beginnings = [
  ["image/png", "\x89PNG"],
  ["image/jpeg", "\xff\xd8\xff"],
  ["image/gif", "GIF8"],
  ["application/pdf", "%PDF-"],
] as const;

function sniff(bytes: Buffer): string | undefined {
  const head = bytes.toString("latin1", 0, 12);
  if (head.startsWith("RIFF") && head.endsWith("WEBP")) return "image/webp";
  return beginnings.find(([, beginning]) => head.startsWith(beginning))?.[0];
}
