import type { ReadableBlock } from "../../../shared/anthropic/blocks.ts";
import type { ContentPart } from "../../../shared/openai/chat.ts";

type DocumentBlock = Extract<ReadableBlock, { type: "document" }>;
type ImageBlock = Extract<ReadableBlock, { type: "image" }>;

/** What a model is given to read, as parts of a chat's message. */
export function partsOf(blocks: readonly ReadableBlock[]): ContentPart[] {
  return blocks.flatMap((block) => markLast(partsOfBlock(block), block.cache_control));
}

/** One plain text is a string: many upstreams take nothing else from tools, and some from nobody. */
export function contentOf(parts: ContentPart[]): string | ContentPart[] {
  const [first, second] = parts;
  if (!first) return "";
  return first.type === "text" && !first.cache_control && !second ? first.text : parts;
}

function partsOfBlock(block: ReadableBlock): ContentPart[] {
  switch (block.type) {
    case "text":
      return [textPart(block.text)];
    case "image":
      return [imagePart(block)];
    case "document":
      return documentParts(block);
    case "search_result":
      return [
        textPart(paragraphs([block.title, block.source, ...block.content.map(({ text }) => text)])),
      ];
    case "tool_reference":
      // Tools whose loading is deferred are all listed to an upstream that cannot load them later: their name says enough.
      return [textPart(`The tool ${JSON.stringify(block.tool_name)} is available`)];
  }
}

/** A breakpoint of the cache ends a block, so it goes to the last part that came of it. */
function markLast(parts: ContentPart[], mark: ReadableBlock["cache_control"]): ContentPart[] {
  const last = parts.at(-1);
  return last && mark ? [...parts.slice(0, -1), { ...last, cache_control: mark }] : parts;
}

function imagePart({ source }: ImageBlock): ContentPart {
  switch (source.type) {
    case "base64":
      return { type: "image_url", image_url: { url: dataUrl(source) } };
    case "url":
      return { type: "image_url", image_url: { url: source.url } };
    case "file":
      return { type: "file", file: { file_id: source.file_id } };
  }
}

/** Title and context go with a text into one part; a file has its title for a name, and its context as a text before it. */
function documentParts({ source, title, context }: DocumentBlock): ContentPart[] {
  const before = context ? [textPart(context)] : [];
  const heading = paragraphs([title, context]);
  const filename = title ?? (source.type === "file" ? undefined : "document.pdf");
  switch (source.type) {
    case "base64":
      return [...before, { type: "file", file: { file_data: dataUrl(source), filename } }];
    case "url":
      return [...before, { type: "file", file: { file_data: source.url, filename } }];
    case "file":
      return [...before, { type: "file", file: { file_id: source.file_id, filename } }];
    case "text":
      return [textPart(paragraphs([heading, source.data]))];
    case "content":
      return [...(heading ? [textPart(heading)] : []), ...partsOf(source.content)];
  }
}

function textPart(text: string): ContentPart {
  return { type: "text", text };
}

function paragraphs(texts: readonly (string | null | undefined)[]): string {
  return texts.filter(Boolean).join("\n\n");
}

function dataUrl({ media_type, data }: { media_type: string; data: string }): string {
  return `data:${media_type};base64,${data}`;
}
