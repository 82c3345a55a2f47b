import type { LanguageModelV3CallOptions, LanguageModelV3FunctionTool } from "@ai-sdk/provider";
import type { Chat, FunctionTool } from "../../../shared/openai/chat.ts";
import type { Target } from "../adapter.ts";
import { Translation } from "../translation.ts";
import type { SupportedUrls } from "./media.ts";
import { promptOf } from "./prompt.ts";
import { cacheMark } from "./provider-marks.ts";
import type { Vendor } from "./vendor.ts";

export interface TranslatedCall {
  readonly options: LanguageModelV3CallOptions;
  readonly dropped: readonly string[];
}

export interface CalledModel {
  readonly vendor: Vendor;
  /** The vendor's name of it. */
  readonly model: string;
  readonly supportedUrls: SupportedUrls;
}

/** What every package has words for. */
const common = new Set(
  (
    "model messages stream stream_options max_tokens max_completion_tokens n temperature top_p top_k stop seed " +
    "presence_penalty frequency_penalty tools tool_choice response_format modalities"
  ).split(" "),
);

/**
 * A chat in the words of the SDK and, where it has none, in those of the vendor.
 *
 * @throws GatewayError `invalid_request` for what cannot be expressed
 */
export function callOptionsOf(
  chat: Chat,
  target: Target,
  { vendor, model, supportedUrls }: CalledModel,
): TranslatedCall {
  const translation = new Translation(target);
  refuseOtherAnswers(chat, translation);
  const rules = {
    supportedUrls,
    hoistsSystem: vendor.hoistsSystem ?? false,
    hidesFilenames: vendor.hidesFilenames ?? false,
  };
  const options = {
    prompt: promptOf(chat.messages, rules),
    ...sampling(chat),
    ...tooling(chat, translation),
    ...vendor.express?.(chat, { model, translation }),
  };
  translation.dropUnknown(harmless(chat), new Set([...common, ...vendor.takes]));
  if (!vendor.cachesPrompts && hasCacheMarks(chat)) translation.drop("cache_control");
  return { options, dropped: translation.dropped };
}

/** What would make another answer than the one that packages give. */
function refuseOtherAnswers(chat: Chat, translation: Translation): void {
  if ((chat.n ?? 1) > 1)
    translation.refuse("n", "its provider gives one answer to a chat, not several");
  if (chat["logprobs"] === true || chat["top_logprobs"])
    translation.refuse("logprobs", "its provider's package does not tell them");
  const modalities: unknown = chat["modalities"];
  if (chat["audio"] || (Array.isArray(modalities) && modalities.includes("audio")))
    translation.refuse("modalities", "its provider's package has no spoken answers");
  for (const name of ["functions", "function_call"])
    if (chat[name]) translation.refuse(name, "its provider takes tools and tool_choice instead");
}

/** The chat without parameters that are set to what happens anyway. */
function harmless(chat: Chat): Readonly<Record<string, unknown>> {
  const { logprobs, parallel_tool_calls, ...rest } = chat;
  return {
    ...rest,
    ...(logprobs === true && { logprobs }),
    ...(parallel_tool_calls === false && { parallel_tool_calls }),
  };
}

function sampling(chat: Chat): Partial<LanguageModelV3CallOptions> {
  const stop = typeof chat.stop === "string" ? [chat.stop] : chat.stop;
  return {
    maxOutputTokens: chat.max_completion_tokens ?? chat.max_tokens ?? undefined,
    temperature: chat.temperature ?? undefined,
    topP: chat.top_p ?? undefined,
    topK: chat.top_k ?? undefined,
    stopSequences: stop?.length ? stop : undefined,
    seed: chat.seed ?? undefined,
    presencePenalty: chat.presence_penalty ?? undefined,
    frequencyPenalty: chat.frequency_penalty ?? undefined,
    ...responseFormatOf(chat),
  };
}

function responseFormatOf({ response_format }: Chat): Partial<LanguageModelV3CallOptions> {
  if (!response_format || response_format.type === "text") return {};
  if (response_format.type === "json_object") return { responseFormat: { type: "json" } };
  const { name, description, schema } = response_format.json_schema;
  return {
    responseFormat: {
      type: "json",
      ...(schema && { schema }),
      ...(name && { name }),
      ...(description && { description }),
    },
  };
}

function tooling(chat: Chat, translation: Translation): Partial<LanguageModelV3CallOptions> {
  const functions = (chat.tools ?? []).filter(isFunction);
  if (functions.length < (chat.tools?.length ?? 0))
    translation.refuse("tools", "its provider is given functions only, no tools of its own");
  if (functions.length === 0) return {};
  return { tools: functions.map(toolOf), ...toolChoiceOf(chat) };
}

function isFunction(tool: NonNullable<Chat["tools"]>[number]): tool is FunctionTool {
  return tool.type === "function";
}

function toolOf({
  function: definition,
  cache_control,
}: FunctionTool): LanguageModelV3FunctionTool {
  return {
    type: "function",
    name: definition.name,
    inputSchema: definition.parameters ?? { type: "object", properties: {} },
    ...(definition.description && { description: definition.description }),
    ...(typeof definition.strict === "boolean" && { strict: definition.strict }),
    ...cacheMark(cache_control),
  };
}

function toolChoiceOf({ tool_choice }: Chat): Partial<LanguageModelV3CallOptions> {
  if (!tool_choice) return {};
  if (typeof tool_choice === "string") return { toolChoice: { type: tool_choice } };
  return { toolChoice: { type: "tool", toolName: tool_choice.function.name } };
}

function hasCacheMarks({ messages, tools }: Chat): boolean {
  return (
    messages.some(
      (message) =>
        message.cache_control ||
        (Array.isArray(message.content) &&
          message.content.some((part) => "cache_control" in part && part.cache_control)),
    ) || (tools ?? []).some((tool) => tool["cache_control"])
  );
}
