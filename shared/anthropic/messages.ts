import { z } from "zod";
import { cacheControl, thinkingSetting } from "../openai/chat.ts";
import { plainText } from "../text.ts";

const model = plainText.min(1).max(255);
const messages = z.array(z.looseObject({ role: z.string() })).min(1);

/** POST /v1/messages: only what the gateway itself reads is checked. Every other field goes to the upstream as it came. */
export const messagesRequest = z.looseObject({
  model,
  messages,
  /** 0 fills the prompt cache and generates nothing. */
  max_tokens: z.number().int().nonnegative().max(1e9),
  stream: z.boolean().nullish(),
});
export type MessagesRequest = z.infer<typeof messagesRequest>;

/** POST /v1/messages/count_tokens. */
export const countTokensRequest = z.looseObject({ model, messages });

export const countTokensReply = z.object({ input_tokens: z.number().int().nonnegative() });
export type CountTokensReply = z.infer<typeof countTokensReply>;

/**
 * The same request, checked as deep as it is translated for an upstream that speaks another format. A text that stands for
 * a list of blocks is such a list here.
 *
 * Source: https://platform.claude.com/docs/en/api/messages
 */

const cached = { cache_control: cacheControl.nullish() };

/** Blocks of a kind that no other format has are a fault that names the block. */
const untranslatableBlock: z.core.$ZodErrorMap = (issue) =>
  issue.code === "invalid_union"
    ? `cannot be translated for an upstream that does not speak Anthropic's format: ${JSON.stringify(typeOf(issue.input))}`
    : undefined;

function typeOf(block: unknown): unknown {
  return typeof block === "object" && block !== null && "type" in block ? block.type : undefined;
}

/** A text alone stands for one block of it. */
function blocks<Block extends z.ZodType>(block: Block) {
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

const userBlock = z.discriminatedUnion(
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

const assistantBlock = z.discriminatedUnion(
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

const systemBlocks = blocks(
  z.discriminatedUnion("type", [textBlock], { error: untranslatableBlock }),
);

const message = z.discriminatedUnion("role", [
  z.looseObject({ role: z.literal("user"), content: blocks(userBlock) }),
  z.looseObject({ role: z.literal("assistant"), content: blocks(assistantBlock) }),
  /** What the operator says between turns. */
  z.looseObject({ role: z.literal("system"), content: systemBlocks.nullish() }),
]);
export type Message = z.infer<typeof message>;

const customTool = z.looseObject({
  type: z.literal("custom"),
  name: z.string().min(1),
  description: z.string().nullish(),
  /** A JSON schema. */
  input_schema: z.record(z.string(), z.unknown()),
  strict: z.boolean().nullish(),
  ...cached,
});
export type CustomTool = z.infer<typeof customTool>;

/** One that Anthropic defines: `web_search_20250305`, `bash_20250124` … */
const providerTool = z.object({
  type: z.literal("provider"),
  tool: z.looseObject({ type: z.string() }),
});

const tool = z.preprocess(
  (given) => {
    const type = typeOf(given) ?? "custom";
    return type === "custom" ? { ...(given as object), type } : { type: "provider", tool: given };
  },
  z.discriminatedUnion("type", [customTool, providerTool]),
);

const parallel = { disable_parallel_tool_use: z.boolean().nullish() };
const toolChoice = z.discriminatedUnion("type", [
  z.looseObject({ type: z.literal("auto"), ...parallel }),
  z.looseObject({ type: z.literal("any"), ...parallel }),
  z.looseObject({ type: z.literal("tool"), name: z.string().min(1), ...parallel }),
  z.looseObject({ type: z.literal("none") }),
]);
export type ToolChoice = z.infer<typeof toolChoice>;

const outputFormat = z.looseObject({
  type: z.literal("json_schema"),
  schema: z.record(z.string(), z.unknown()),
});

export const translatableRequest = z.looseObject({
  model: z.string(),
  messages: z.array(message).min(1),
  system: systemBlocks.nullish(),
  /** Absent where tokens are to be counted. */
  max_tokens: z.number().int().positive().max(1e9).nullish(),
  stream: z.boolean().nullish(),
  stop_sequences: z.array(z.string()).nullish(),
  temperature: z.number().nullish(),
  top_p: z.number().nullish(),
  top_k: z.number().int().nullish(),
  tools: z.array(tool).nullish(),
  tool_choice: toolChoice.nullish(),
  thinking: z
    .discriminatedUnion("type", [
      ...thinkingSetting.options,
      z.looseObject({ type: z.literal("between_tools") }),
    ])
    .nullish(),
  metadata: z.looseObject({ user_id: z.string().nullish() }).nullish(),
  output_config: z
    .looseObject({
      /** `low`, `medium`, `high`, `xhigh`, `max`. */
      effort: z.string().nullish(),
      format: outputFormat.nullish(),
    })
    .nullish(),
  /** The older name of `output_config.format`. */
  output_format: outputFormat.nullish(),
});
export type TranslatableRequest = z.infer<typeof translatableRequest>;
