import type { LanguageModelV3CallOptions } from "@ai-sdk/provider";
import type { Chat } from "../../../shared/openai/chat.ts";
import type { EmbeddingRequest } from "../../../shared/openai/requests.ts";
import { type ClaudeThinking, claudeThinking, effortOf } from "./claude-thinking.ts";
import { given, type ProviderOptions, type Vendor, type VendorContext } from "./vendor.ts";

type Family = "claude" | "nova" | "openai" | undefined;

/** Amazon Bedrock, whose Converse API has one form for all models and leaves to each what only it can. */
export const bedrockVendor: Vendor = {
  takes: ["thinking", "reasoning_effort", "parallel_tool_calls", "service_tier"],
  hoistsSystem: true,
  hidesFilenames: true,
  cachesPrompts: true,
  express: expressBedrock,
  embeddingTakes: ["dimensions", "input_type"],
  expressEmbedding: expressBedrockEmbedding,
};

const tiers: ReadonlySet<unknown> = new Set(["default", "flex", "priority", "reserved"]);

function expressBedrock(
  chat: Chat,
  { model, translation }: VendorContext,
): Partial<LanguageModelV3CallOptions> {
  const family = familyOf(model, chat);
  const thinking = family === "claude" ? claudeThinking(chat, model) : undefined;
  const reasoningConfig = reasoningOf(chat, family, thinking);
  const isSerial = chat.parallel_tool_calls === false;
  dropUnsaid(chat, { family, isReasoning: reasoningConfig !== undefined, translation });
  return {
    topK: undefined,
    ...responseFormatOf(chat),
    ...(thinking?.maxOutputTokens && { maxOutputTokens: thinking.maxOutputTokens }),
    providerOptions: {
      bedrock: given({
        reasoningConfig,
        additionalModelRequestFields: topKOf(chat, family),
        serviceTier: tiers.has(chat["service_tier"]) ? chat["service_tier"] : undefined,
        structuredOutputMode: chat.response_format?.type === "json_object" ? "jsonTool" : undefined,
      }),
      ...(isSerial && family === "claude" && { anthropic: { disableParallelToolUse: true } }),
    },
  };
}

interface Unsaid {
  readonly family: Family;
  readonly isReasoning: boolean;
  readonly translation: VendorContext["translation"];
}

/** What only some of Bedrock's models have. */
function dropUnsaid(chat: Chat, { family, isReasoning, translation }: Unsaid): void {
  const { thinking, reasoning_effort, top_k, service_tier } = chat;
  const isEffort = reasoning_effort && reasoning_effort !== "none";
  if (thinking && family !== "claude") translation.drop("thinking");
  if (isEffort && !thinking && !isReasoning) translation.drop("reasoning_effort");
  if (typeof top_k === "number" && !topKOf(chat, family)) translation.drop("top_k");
  if (chat.parallel_tool_calls === false && family !== "claude")
    translation.drop("parallel_tool_calls");
  if (service_tier && service_tier !== "auto" && !tiers.has(service_tier))
    translation.drop("service_tier");
  if (chat.tools?.some((tool) => tool["cache_control"])) translation.drop("tools.cache_control");
}

function familyOf(model: string, chat: Chat): Family {
  if (model.includes("anthropic.")) return "claude";
  if (model.includes("amazon.nova-")) return "nova";
  if (/^([^.]+\.)?openai\./.test(model)) return "openai";
  // The id of an inference profile of one's own does not tell; whoever asks for a budget knows that it is a Claude.
  const isProfile = model.includes(":application-inference-profile/");
  return isProfile && chat.thinking?.type === "enabled" ? "claude" : undefined;
}

function reasoningOf(
  chat: Chat,
  family: Family,
  thinking: ClaudeThinking | undefined,
): Readonly<Record<string, unknown>> | undefined {
  if (thinking) return given({ ...thinking.mode, maxReasoningEffort: thinking.effort });
  const maxReasoningEffort = effortOf(chat.reasoning_effort);
  if (!maxReasoningEffort) return undefined;
  if (family === "nova") return { type: "enabled", maxReasoningEffort };
  return family === "openai" ? { maxReasoningEffort } : undefined;
}

/** The package writes `topK` where Converse has no such field; models take it among their own. */
function topKOf({ top_k }: Chat, family: Family): Readonly<Record<string, unknown>> | undefined {
  if (typeof top_k !== "number") return undefined;
  if (family === "claude") return { top_k };
  return family === "nova" ? { inferenceConfig: { topK: top_k } } : undefined;
}

/** Converse knows JSON only by its schema, so that any object at all is one too. */
function responseFormatOf({ response_format }: Chat): Partial<LanguageModelV3CallOptions> {
  if (response_format?.type !== "json_object") return {};
  return {
    responseFormat: { type: "json", schema: { type: "object", additionalProperties: true } },
  };
}

function expressBedrockEmbedding(request: EmbeddingRequest, model: string): ProviderOptions {
  const inputType = request["input_type"];
  const dimensions = request["dimensions"];
  if (model.includes("cohere.embed-"))
    return { bedrock: given({ inputType, outputDimension: dimensions }) };
  if (model.includes("amazon.nova-")) return { bedrock: given({ embeddingDimension: dimensions }) };
  return { bedrock: given({ dimensions }) };
}
