import { z } from "zod";
import { cacheControl } from "../openai/chat.ts";

/**
 * The blocks of Anthropic's messages, checked as deep as they are translated for an upstream that speaks another format. A
 * text that stands for a list of blocks is such a list here.
 *
 * Source: https://platform.claude.com/docs/en/api/messages
 */

export const cached = { cache_control: cacheControl.nullish() };

/** Blocks of a kind that no other format has are a fault that names the block. */
const untranslatableBlock: z.core.$ZodErrorMap = (issue) =>
  issue.code === "invalid_union"
    ? `cannot be translated for an upstream that does not speak Anthropic's format: ${JSON.stringify(typeOf(issue.input))}`
    : undefined;

/** What an object says that it is. */
export function typeOf(block: unknown): unknown {
  return typeof block === "object" && block !== null && "type" in block ? block.type : undefined;
}

/** A text alone stands for one block of it. */
export function blocks<Block extends z.ZodType>(block: Block) {
  return z.preprocess(
    (content) => (typeof content === "string" ? [{ type: "text", text: content }] : content),
    z.array(block),
  );
}

const textBlock = z.looseObject({ type: z.literal("text"), text: z.string(), ...cached });

/** `data`: base64. */
const base64Source = z.looseObject({
  type: z.literal("base64"),
  media_type: z.string().min(1),
  data: z.string(),
});
const urlSource = z.looseObject({ type: z.literal("url"), url: z.string().min(1) });
/** A file that was uploaded to the upstream. */
const fileSource = z.looseObject({ type: z.literal("file"), file_id: z.string().min(1) });

const imageBlock = z.looseObject({
  type: z.literal("image"),
  source: z.discriminatedUnion("type", [base64Source, urlSource, fileSource]),
  ...cached,
});

const documentBlock = z.looseObject({
  type: z.literal("document"),
  source: z.discriminatedUnion("type", [
    base64Source,
    urlSource,
    fileSource,
    z.looseObject({ type: z.literal("text"), data: z.string() }),
    z.looseObject({
      type: z.literal("content"),
      content: blocks(
        z.discriminatedUnion("type", [textBlock, imageBlock], { error: untranslatableBlock }),
      ),
    }),
  ]),
  title: z.string().nullish(),
  /** What the model is to know of the document, beside its text. */
  context: z.string().nullish(),
  citations: z.looseObject({ enabled: z.boolean().nullish() }).nullish(),
  ...cached,
});

const searchResultBlock = z.looseObject({
  type: z.literal("search_result"),
  source: z.string(),
  title: z.string(),
  content: z.array(textBlock),
  ...cached,
});

/** A tool that the client's own search for tools has found, by its name among `tools`. */
const toolReferenceBlock = z.looseObject({
  type: z.literal("tool_reference"),
  tool_name: z.string(),
  ...cached,
});

const toolResultBlock = z.looseObject({
  type: z.literal("tool_result"),
  tool_use_id: z.string(),
  content: blocks(
    z.discriminatedUnion(
      "type",
      [textBlock, imageBlock, documentBlock, searchResultBlock, toolReferenceBlock],
      { error: untranslatableBlock },
    ),
  ).nullish(),
  is_error: z.boolean().nullish(),
  ...cached,
});
export type ToolResultBlock = z.infer<typeof toolResultBlock>;

export const userBlock = z.discriminatedUnion(
  "type",
  [textBlock, imageBlock, documentBlock, searchResultBlock, toolResultBlock],
  { error: untranslatableBlock },
);

/** What a model is given to read. */
export type ReadableBlock =
  | Exclude<z.infer<typeof userBlock>, ToolResultBlock>
  | z.infer<typeof toolReferenceBlock>;

const toolUseBlock = z.looseObject({
  type: z.literal("tool_use"),
  id: z.string(),
  name: z.string().min(1),
  input: z.unknown(),
  ...cached,
});
export type ToolUseBlock = z.infer<typeof toolUseBlock>;

export const assistantBlock = z.discriminatedUnion(
  "type",
  [
    textBlock,
    z.looseObject({
      type: z.literal("thinking"),
      thinking: z.string(),
      signature: z.string().nullish(),
    }),
    z.looseObject({ type: z.literal("redacted_thinking"), data: z.string() }),
    toolUseBlock,
  ],
  { error: untranslatableBlock },
);
export type AssistantBlock = z.infer<typeof assistantBlock>;

export const systemBlocks = blocks(
  z.discriminatedUnion("type", [textBlock], { error: untranslatableBlock }),
);
