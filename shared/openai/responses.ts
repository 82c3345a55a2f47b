import { z } from "zod";
import { plainText } from "../text.ts";
import { count } from "./requests.ts";

/**
 * POST /v1/responses. Only what the gateway itself reads is checked: every other field goes to an upstream that has the
 * route as it came.
 *
 * Source: https://platform.openai.com/docs/api-reference/responses/create
 */
export const responsesRequest = z.looseObject({
  model: plainText.min(1).max(255),
  user: z.string().nullish(),
  stream: z.boolean().nullish(),
  input: z.union([z.string(), z.array(z.looseObject({}))]).nullish(),
  max_output_tokens: count,
  /** The answer would be fetched, and its cost known, by nobody. */
  background: z
    .literal(false, "must be false: the gateway answers no call in the background")
    .nullish(),
});

/** An explicit end of what may be read from a cache next time. */
const breakpoint = { prompt_cache_breakpoint: z.looseObject({ mode: z.string() }).nullish() };

const inputText = z.looseObject({
  type: z.enum(["input_text", "output_text", "text"]),
  text: z.string(),
  ...breakpoint,
});
const inputImage = z.looseObject({
  type: z.literal("input_image"),
  /** http, https, or a data URL. */
  image_url: z.string().min(1).nullish(),
  file_id: z.string().nullish(),
  detail: z.string().nullish(),
  ...breakpoint,
});
const inputFile = z.looseObject({
  type: z.literal("input_file"),
  /** A data URL. */
  file_data: z.string().nullish(),
  file_url: z.string().nullish(),
  file_id: z.string().nullish(),
  filename: z.string().nullish(),
  ...breakpoint,
});
const inputAudio = z.looseObject({
  type: z.literal("input_audio"),
  input_audio: z.looseObject({ data: z.string(), format: z.string() }),
});
const refusal = z.looseObject({ type: z.literal("refusal"), refusal: z.string() });

const part = z.discriminatedUnion("type", [inputText, inputImage, inputFile, inputAudio, refusal]);
export type ResponsesPart = z.infer<typeof part>;

// Not a union: zod would tell of a fault in the list no more than that neither fits.
/** A text on its own is a list of one. */
const content = z.preprocess(
  (value) => (typeof value === "string" ? [{ type: "input_text", text: value }] : value),
  z.array(part),
);

const functionTool = z.looseObject({
  type: z.literal("function"),
  name: z.string().min(1),
  description: z.string().nullish(),
  parameters: z.record(z.string(), z.unknown()).nullish(),
  strict: z.boolean().nullish(),
});

/** A tool that takes text as it is, in the place of a JSON object. */
const customTool = z.looseObject({
  type: z.literal("custom"),
  name: z.string().min(1),
  description: z.string().nullish(),
  format: z
    .looseObject({
      type: z.string(),
      /** `lark` or `regex`. */
      syntax: z.string().nullish(),
      definition: z.string().nullish(),
    })
    .nullish(),
});

/** Functions and custom tools under a common name, with which their calls are marked. */
const namespace = z.looseObject({
  type: z.literal("namespace"),
  name: z.string().min(1),
  description: z.string().nullish(),
  tools: z.array(z.discriminatedUnion("type", [functionTool, customTool])),
});
/** Finds tools that are not offered yet. By default OpenAI runs it; `client` has it called like a function. */
const toolSearch = z.looseObject({
  type: z.literal("tool_search"),
  execution: z.string().nullish(),
  description: z.string().nullish(),
  parameters: z.record(z.string(), z.unknown()).nullish(),
});
/** One that the upstream itself would run. */
const otherTool = z.looseObject({ type: z.literal("other"), kind: z.string() });

const knownTool = z.discriminatedUnion("type", [
  functionTool,
  customTool,
  namespace,
  toolSearch,
  otherTool,
]);

const toolKinds = new Set(
  knownTool.options.flatMap((option): string[] => [...option.shape.type.values]),
);

const tool = z.preprocess((value) => tagOther(value, toolKinds), knownTool);
export type ResponsesTool = z.infer<typeof knownTool>;

const messageItem = z.looseObject({
  type: z.literal("message"),
  role: z.enum(["user", "assistant", "system", "developer"]),
  content,
});
const functionCall = z.looseObject({
  type: z.literal("function_call"),
  call_id: z.string(),
  name: z.string().min(1),
  namespace: z.string().nullish(),
  arguments: z.string(),
});
const customToolCall = z.looseObject({
  type: z.literal("custom_tool_call"),
  call_id: z.string(),
  name: z.string().min(1),
  namespace: z.string().nullish(),
  input: z.string(),
});
const output = { call_id: z.string(), output: content };
const functionCallOutput = z.looseObject({ type: z.literal("function_call_output"), ...output });
const customToolCallOutput = z.looseObject({
  type: z.literal("custom_tool_call_output"),
  ...output,
});
const thoughts = z.array(z.looseObject({ text: z.string() })).nullish();
const reasoningItem = z.looseObject({
  type: z.literal("reasoning"),
  summary: thoughts,
  content: thoughts,
  encrypted_content: z.string().nullish(),
});
/** Tools that are offered from here on, beside those of the request: Codex brings all of its tools along like this. */
const additionalTools = z.looseObject({
  type: z.literal("additional_tools"),
  tools: z.array(tool),
});
const toolSearchCall = z.looseObject({
  type: z.literal("tool_search_call"),
  /** Null where OpenAI ran it. */
  call_id: z.string().nullish(),
  arguments: z.unknown(),
});
/** What was found is offered from here on. */
const toolSearchOutput = z.looseObject({
  type: z.literal("tool_search_output"),
  call_id: z.string().nullish(),
  tools: z.array(tool),
});
const itemReference = z.looseObject({ type: z.literal("item_reference"), id: z.string() });
/** An item of a kind that a chat has no words for: a call of a tool that OpenAI runs, for one. */
const otherItem = z.looseObject({
  type: z.literal("other"),
  kind: z.string(),
  call_id: z.string().nullish(),
});

const knownItem = z.discriminatedUnion("type", [
  messageItem,
  functionCall,
  customToolCall,
  functionCallOutput,
  customToolCallOutput,
  reasoningItem,
  additionalTools,
  toolSearchCall,
  toolSearchOutput,
  itemReference,
  otherItem,
]);
export type ResponsesItem = z.infer<typeof knownItem>;

const itemKinds = new Set(
  knownItem.options.flatMap((option): string[] => [...option.shape.type.values]),
);

/** A message and a reference may leave their `type` out. */
const item = z.preprocess((value) => {
  if (typeof value !== "object" || value === null) return value;
  const { type } = value as { type?: unknown };
  if (type === undefined || type === null)
    return { ...value, type: "role" in value ? "message" : "item_reference" };
  return tagOther(value, itemKinds);
}, knownItem);

/** A text on its own is the user's message. */
const items = z.preprocess(
  (value) => (typeof value === "string" ? [{ role: "user", content: value }] : value),
  z.array(item),
);

const namedTool = z.looseObject({
  type: z.string(),
  name: z.string().nullish(),
  namespace: z.string().nullish(),
});
const toolChoice = z.union([
  z.enum(["none", "auto", "required"]),
  z.looseObject({
    type: z.literal("allowed_tools"),
    mode: z.enum(["auto", "required"]),
    tools: z.array(namedTool),
  }),
  namedTool,
]);
export type ResponsesToolChoice = z.infer<typeof toolChoice>;

const textFormat = z.discriminatedUnion("type", [
  z.looseObject({ type: z.literal("text") }),
  z.looseObject({ type: z.literal("json_object") }),
  z.looseObject({
    type: z.literal("json_schema"),
    name: z.string().nullish(),
    description: z.string().nullish(),
    schema: z.record(z.string(), z.unknown()).nullish(),
    strict: z.boolean().nullish(),
  }),
]);
export type ResponsesTextFormat = z.infer<typeof textFormat>;

/** The request as deep as it is read to become a chat, for upstreams that do not have the route. */
export const responsesInDepth = z.looseObject({
  model: z.string(),
  input: items.nullish(),
  instructions: z.string().nullish(),
  stream: z.boolean().nullish(),
  max_output_tokens: count,
  temperature: z.number().nullish(),
  top_p: z.number().nullish(),
  user: z.string().nullish(),
  tools: z.array(tool).nullish(),
  tool_choice: toolChoice.nullish(),
  parallel_tool_calls: z.boolean().nullish(),
  text: z.looseObject({ format: textFormat.nullish(), verbosity: z.string().nullish() }).nullish(),
  reasoning: z.looseObject({ effort: z.string().nullish() }).nullish(),
  include: z.array(z.string()).nullish(),
  truncation: z.string().nullish(),
  service_tier: z.string().nullish(),
});
export type ResponsesInDepth = z.infer<typeof responsesInDepth>;

/** Marks a thing of an unknown `type` as `other`, and keeps its type as `kind`. What has none stays, to be refused. */
function tagOther(value: unknown, known: ReadonlySet<string>): unknown {
  if (typeof value !== "object" || value === null) return value;
  const { type } = value as { type?: unknown };
  if (typeof type !== "string" || (known.has(type) && type !== "other")) return value;
  return { ...value, type: "other", kind: type };
}
