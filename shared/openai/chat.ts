import { z } from "zod";
import { count, stream } from "./requests.ts";

/**
 * A chat as every provider with a wire format of its own is given it: OpenAI's request, checked as deep as it is translated,
 * and what it has no words for under the names that clients in the field use (`cache_control`, `thinking`,
 * `thinking_blocks`, `reasoning_content`, `top_k`). Fields that are not named here stay on the object.
 *
 * Source: https://platform.openai.com/docs/api-reference/chat/create
 */

/** Anthropic's mark for what may be read from a cache next time. `ttl`: `5m` by default, or `1h`. */
export const cacheControl = z.looseObject({
  type: z.literal("ephemeral"),
  ttl: z.enum(["5m", "1h"]).nullish(),
});
const cached = { cache_control: cacheControl.nullish() };

export const textPart = z.looseObject({ type: z.literal("text"), text: z.string(), ...cached });
export const imagePart = z.looseObject({
  type: z.literal("image_url"),
  /** `url`: http, https, or a data URL. */
  image_url: z.looseObject({ url: z.string().min(1), detail: z.string().nullish() }),
  ...cached,
});
export const audioPart = z.looseObject({
  type: z.literal("input_audio"),
  /** `data`: base64. `format`: `wav`, `mp3` … */
  input_audio: z.looseObject({ data: z.string(), format: z.string() }),
  ...cached,
});
export const filePart = z.looseObject({
  type: z.literal("file"),
  /** `file_data`: a data URL, or http(s). `file_id`: of a file that was uploaded to the upstream. */
  file: z.looseObject({
    file_data: z.string().nullish(),
    file_id: z.string().nullish(),
    filename: z.string().nullish(),
  }),
  ...cached,
});
const refusalPart = z.looseObject({ type: z.literal("refusal"), refusal: z.string() });

export const contentPart = z.discriminatedUnion("type", [
  textPart,
  imagePart,
  audioPart,
  filePart,
  refusalPart,
]);
export type ContentPart = z.infer<typeof contentPart>;

const content = z.union([z.string(), z.array(contentPart)]);

/** What a model thought, with the signature by which its provider knows it again; or sealed, where it may not be shown. */
export const thinkingBlock = z.discriminatedUnion("type", [
  z.looseObject({
    type: z.literal("thinking"),
    thinking: z.string(),
    signature: z.string().nullish(),
  }),
  z.looseObject({ type: z.literal("redacted_thinking"), data: z.string() }),
]);
export type ThinkingBlock = z.infer<typeof thinkingBlock>;

export const toolCall = z.looseObject({
  id: z.string(),
  type: z.literal("function").default("function"),
  /** `arguments`: a JSON object, as text. */
  function: z.looseObject({ name: z.string().min(1), arguments: z.string() }),
  /** `google.thought_signature`: Gemini's signature of the thought that led to the call, to be sent back with it. */
  extra_content: z
    .looseObject({ google: z.looseObject({ thought_signature: z.string().nullish() }).nullish() })
    .nullish(),
  ...cached,
});
export type ToolCall = z.infer<typeof toolCall>;

const named = { name: z.string().nullish() };

export const chatMessage = z.discriminatedUnion("role", [
  z.looseObject({ role: z.literal("system"), content, ...named, ...cached }),
  z.looseObject({ role: z.literal("developer"), content, ...named, ...cached }),
  z.looseObject({ role: z.literal("user"), content, ...named, ...cached }),
  z.looseObject({
    role: z.literal("assistant"),
    content: content.nullish(),
    tool_calls: z.array(toolCall).nullish(),
    reasoning_content: z.string().nullish(),
    thinking_blocks: z.array(thinkingBlock).nullish(),
    refusal: z.string().nullish(),
    ...named,
    ...cached,
  }),
  z.looseObject({ role: z.literal("tool"), tool_call_id: z.string(), content, ...cached }),
]);
export type ChatMessage = z.infer<typeof chatMessage>;

export const functionTool = z.looseObject({
  type: z.literal("function"),
  function: z.looseObject({
    name: z.string().min(1),
    description: z.string().nullish(),
    /** A JSON schema; without one the function takes nothing. */
    parameters: z.record(z.string(), z.unknown()).nullish(),
    strict: z.boolean().nullish(),
  }),
  ...cached,
});
export type FunctionTool = z.infer<typeof functionTool>;

/** A tool that the provider itself runs, in that provider's words: `{"type": "web_search_20250305", …}`. */
const providerTool = z.looseObject({ type: z.string().refine((type) => type !== "function") });

export const toolChoice = z.union([
  z.enum(["none", "auto", "required"]),
  z.looseObject({
    type: z.literal("function"),
    function: z.looseObject({ name: z.string().min(1) }),
  }),
]);
export type ToolChoice = z.infer<typeof toolChoice>;

export const responseFormat = z.discriminatedUnion("type", [
  z.looseObject({ type: z.literal("text") }),
  z.looseObject({ type: z.literal("json_object") }),
  z.looseObject({
    type: z.literal("json_schema"),
    json_schema: z.looseObject({
      name: z.string().nullish(),
      description: z.string().nullish(),
      schema: z.record(z.string(), z.unknown()).nullish(),
      strict: z.boolean().nullish(),
    }),
  }),
]);

/** Anthropic's switch for thinking; `reasoning_effort` is OpenAI's. */
export const thinkingSetting = z.discriminatedUnion("type", [
  z.looseObject({ type: z.literal("enabled"), budget_tokens: z.number().int().positive() }),
  z.looseObject({ type: z.literal("adaptive") }),
  z.looseObject({ type: z.literal("disabled") }),
]);

export const chat = z.looseObject({
  model: z.string(),
  messages: z.array(chatMessage).min(1),
  ...stream,
  max_tokens: count,
  max_completion_tokens: count,
  n: count,
  temperature: z.number().nullish(),
  top_p: z.number().nullish(),
  top_k: z.number().int().nullish(),
  stop: z.union([z.string(), z.array(z.string())]).nullish(),
  seed: z.number().int().nullish(),
  presence_penalty: z.number().nullish(),
  frequency_penalty: z.number().nullish(),
  tools: z.array(z.union([functionTool, providerTool])).nullish(),
  tool_choice: toolChoice.nullish(),
  parallel_tool_calls: z.boolean().nullish(),
  response_format: responseFormat.nullish(),
  /** `none`, `minimal`, `low`, `medium`, `high`, `xhigh`. */
  reasoning_effort: z.string().nullish(),
  thinking: thinkingSetting.nullish(),
  user: z.string().nullish(),
});
export type Chat = z.infer<typeof chat>;
