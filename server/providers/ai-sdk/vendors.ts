import type { LanguageModelV3CallOptions } from "@ai-sdk/provider";
import type { Chat } from "../../../shared/openai/chat.ts";
import { bedrockVendor } from "./bedrock-vendor.ts";
import { claudeThinking } from "./claude-thinking.ts";
import { given, type Vendor, type VendorContext } from "./vendor.ts";

const anthropicVendor: Vendor = {
  takes: ["thinking", "reasoning_effort", "parallel_tool_calls", "user"],
  hoistsSystem: true,
  cachesPrompts: true,
  express: expressAnthropic,
};

// Each is known by what its models say of themselves in `provider`, up to the first dot: `openai.responses`.
const vendors: ReadonlyMap<string, Vendor> = new Map([
  ["amazon-bedrock", bedrockVendor],
  ["anthropic", anthropicVendor],
  // Claude at Google.
  ["vertex", anthropicVendor],
  [
    "cohere",
    {
      takes: ["thinking", "reasoning_effort"],
      express: expressCohere,
      embeddingTakes: ["dimensions", "input_type"],
      expressEmbedding: (request) => ({
        cohere: given({
          inputType: request["input_type"],
          outputDimension: request["dimensions"],
        }),
      }),
    },
  ],
  ["openai", openAiLike("openai")],
  ["azure", openAiLike("openai")],
  ["groq", openAiLike("groq")],
  ["xai", { takes: ["reasoning_effort"], express: xaiOptions }],
  ["google", { takes: ["thinking"], hoistsSystem: true, express: googleOptions }],
  ["openrouter", { takes: ["reasoning_effort"], cachesPrompts: true, express: openRouterOptions }],
  [
    "openai-compatible",
    {
      takes: ["reasoning_effort", "user", "parallel_tool_calls", "logit_bias"],
      express: expressCompatible,
      embeddingTakes: ["dimensions", "user"],
      expressEmbedding: ({ user, ...request }) => ({
        openaiCompatible: given({ user, dimensions: request["dimensions"] }),
      }),
    },
  ],
]);

const unknownVendor: Vendor = { takes: [] };

/** @param provider of a model of the SDK */
export function vendorOf(provider: string): Vendor {
  return vendors.get(provider.split(".")[0] ?? "") ?? unknownVendor;
}

type Options = Partial<LanguageModelV3CallOptions>;

function expressAnthropic(chat: Chat, { model, translation }: VendorContext): Options {
  const thinking = claudeThinking(chat, model);
  if (chat.reasoning_effort && !thinking) translation.drop("reasoning_effort");
  return {
    ...(thinking?.maxOutputTokens && { maxOutputTokens: thinking.maxOutputTokens }),
    providerOptions: {
      anthropic: given({
        thinking: thinking?.mode,
        effort: thinking?.effort,
        disableParallelToolUse: chat.parallel_tool_calls === false ? true : undefined,
        metadata: chat.user ? { userId: chat.user } : undefined,
      }),
    },
  };
}

/** Cohere thinks unless told not to, within a budget where there is one. */
function expressCohere(chat: Chat, { translation }: VendorContext): Options {
  const { thinking, reasoning_effort } = chat;
  if (thinking?.type === "enabled")
    return { providerOptions: { cohere: { thinking: { tokenBudget: thinking.budget_tokens } } } };
  if (thinking?.type === "disabled" || (!thinking && reasoning_effort === "none"))
    return { providerOptions: { cohere: { thinking: { type: "disabled" } } } };
  if (reasoning_effort) translation.drop("reasoning_effort");
  return {};
}

function openAiLike(name: string): Vendor {
  return {
    takes: ["reasoning_effort", "user", "parallel_tool_calls", "service_tier"],
    express: (chat) => ({
      providerOptions: {
        [name]: given({
          reasoningEffort: chat.reasoning_effort,
          user: chat.user,
          parallelToolCalls: chat.parallel_tool_calls,
          serviceTier: chat["service_tier"],
          strictJsonSchema: strictnessOf(chat),
        }),
      },
    }),
    embeddingTakes: ["dimensions", "user"],
    expressEmbedding: ({ user, ...request }) => ({
      [name]: given({ user, dimensions: request["dimensions"] }),
    }),
  };
}

function expressCompatible(chat: Chat): Options {
  return {
    providerOptions: {
      openaiCompatible: given({
        reasoningEffort: chat.reasoning_effort,
        user: chat.user,
        strictJsonSchema: strictnessOf(chat),
        // What the package does not know goes to the upstream as it is.
        parallel_tool_calls: chat.parallel_tool_calls,
        logit_bias: chat["logit_bias"],
      }),
    },
  };
}

/** The packages are strict unless told; OpenAI, and so our callers, are not. */
function strictnessOf({ response_format }: Chat): boolean | undefined {
  if (response_format?.type !== "json_schema") return undefined;
  return response_format.json_schema.strict ?? false;
}

function xaiOptions({ reasoning_effort }: Chat): Options {
  return { providerOptions: { xai: given({ reasoningEffort: reasoning_effort }) } };
}

function openRouterOptions({ reasoning_effort }: Chat): Options {
  if (!reasoning_effort) return {};
  return { providerOptions: { openrouter: { reasoning: { effort: reasoning_effort } } } };
}

function googleOptions({ thinking }: Chat): Options {
  if (!thinking || thinking.type === "adaptive") return {};
  const thinkingConfig =
    thinking.type === "enabled"
      ? { includeThoughts: true, thinkingBudget: thinking.budget_tokens }
      : { thinkingBudget: 0 };
  return { providerOptions: { google: { thinkingConfig } } };
}
