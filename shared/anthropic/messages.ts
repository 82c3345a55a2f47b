import { z } from "zod";
import { thinkingSetting } from "../openai/chat.ts";
import { plainText } from "../text.ts";
import { assistantBlock, blocks, cached, systemBlocks, typeOf, userBlock } from "./blocks.ts";

const model = plainText.min(1).max(255);
const messages = z.array(z.object({ role: z.string() })).min(1);

/** POST /v1/messages: only what the gateway itself reads is checked. Every other field goes to the upstream as it came. */
export const messagesRequest = z.object({
  model,
  messages,
  /** 0 fills the prompt cache and generates nothing. */
  max_tokens: z.number().int().nonnegative().max(1e9),
  stream: z.boolean().nullish(),
});

/** POST /v1/messages/count_tokens. */
export const countTokensRequest = z.object({ model, messages });

export const countTokensReply = z.object({ input_tokens: z.number().int().nonnegative() });
export type CountTokensReply = z.infer<typeof countTokensReply>;

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

/** Told apart first, since the kinds that Anthropic defines are without number. */
const tool = z.preprocess(
  (given) => {
    const type = typeOf(given) ?? "custom";
    return typeof given === "object" && type === "custom"
      ? { ...given, type }
      : { type: "provider", tool: given };
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

/** The same request, checked as deep as it is translated for an upstream that speaks another format. */
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
