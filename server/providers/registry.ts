import type { Adapter } from "./adapter.ts";
import { aiSdk, bedrock, cohere } from "./ai-sdk/ai-sdk.ts";
import { anthropic } from "./anthropic/adapter.ts";
import { gemini, vertex } from "./gemini/adapter.ts";
import type { Library } from "./library.ts";

/**
 * An upstream: where it is, and in what it departs from the OpenAI wire format, which is spoken by all that name neither an
 * `adapter` nor a `library`.
 *
 * A provider that needs nothing but a base address and a key is one line here.
 */
export interface Provider {
  /** How a chat is put into its words, where it speaks a format of its own. */
  readonly adapter?: Adapter;
  /** The package that speaks to it, in the place of an adapter of ours. */
  readonly library?: Library;
  /** Routes that it has beside, or with an adapter in the place of, those of OpenAI's: their bytes pass through. */
  readonly routes?: readonly string[];
  /** The header that its key is sent in, as it is; by default `authorization`, as a bearer token. */
  readonly keyHeader?: string;
  /** Sent with every request, unless the deployment's own say otherwise. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Where it answers when a deployment names no `api_base`; undefined where one must be named. */
  readonly apiBase?: string;
  /** The environment variable that holds its key when a deployment names no `api_key`. */
  readonly keyVariable?: string;
  /** A base address without a path is that of a server whose OpenAI routes live under `/v1`. */
  readonly addsV1?: true;
  /** Its id in the price library; undefined where the library knows no prices of it. */
  readonly priceId?: string;
  /** Runs on the operator's own hardware: a call costs nothing unless the config gives a price. */
  readonly free?: true;
  /** Reports a stream's usage without being asked, and may refuse the question. */
  readonly usageUnasked?: true;
  /** Caps an answer by this parameter; the others by `max_tokens`. */
  readonly outputLimit?: "max_completion_tokens";
  /**
   * Where a message of the assistant takes what it thought, so that the model goes on from there once a tool has answered;
   * undefined where thoughts are not taken back.
   */
  readonly thoughtsField?: "reasoning_content" | "reasoning";
  /** Refuses a message of the assistant without them, so that empty ones stand for those that a client or another provider has not kept. */
  readonly requiresThoughts?: true;
  /** Has a switch for thinking: `thinking`, with the type `enabled` or `disabled` and nothing else. */
  readonly switchesThinking?: true;
  /** Request parameters it does not take. With `drop_params` they are removed; without, they are sent as they came. */
  readonly unsupported: readonly string[];
}

/** The routes that an upstream is taken to have which is shaped like OpenAI. */
export const openAiRoutes: readonly string[] = [
  "chat/completions",
  "completions",
  "embeddings",
  "images/generations",
  "audio/speech",
  "audio/transcriptions",
  "audio/translations",
  "moderations",
  "rerank",
];

const openaiOnly = [
  "logit_bias",
  "prediction",
  "service_tier",
  "store",
  "verbosity",
  "web_search_options",
] as const;

export const providers = {
  openai: {
    apiBase: "https://api.openai.com/v1",
    keyVariable: "OPENAI_API_KEY",
    priceId: "openai",
    outputLimit: "max_completion_tokens",
    routes: ["responses"],
    unsupported: [],
  },
  azure: {
    keyHeader: "api-key",
    routes: ["responses"],
    keyVariable: "AZURE_API_KEY",
    priceId: "azure",
    outputLimit: "max_completion_tokens",
    unsupported: ["service_tier", "store"],
  },
  openrouter: {
    apiBase: "https://openrouter.ai/api/v1",
    keyVariable: "OPENROUTER_API_KEY",
    priceId: "openrouter",
    routes: ["responses"],
    // Source: https://openrouter.ai/docs/use-cases/reasoning-tokens#preserving-reasoning-blocks
    thoughtsField: "reasoning",
    unsupported: [],
  },
  anthropic: {
    adapter: anthropic,
    apiBase: "https://api.anthropic.com/v1",
    addsV1: true,
    keyVariable: "ANTHROPIC_API_KEY",
    keyHeader: "x-api-key",
    headers: { "anthropic-version": "2023-06-01" },
    priceId: "anthropic",
    routes: ["messages", "messages/count_tokens"],
    unsupported: [],
  },
  gemini: {
    adapter: gemini,
    apiBase: "https://generativelanguage.googleapis.com/v1beta",
    keyVariable: "GEMINI_API_KEY",
    keyHeader: "x-goog-api-key",
    priceId: "google",
    unsupported: [],
  },
  vertex_ai: {
    adapter: vertex,
    keyHeader: "x-goog-api-key",
    priceId: "google",
    unsupported: [],
  },
  bedrock: { library: bedrock, priceId: "aws", unsupported: [] },
  cohere: { library: cohere, keyVariable: "COHERE_API_KEY", priceId: "cohere", unsupported: [] },
  ai_sdk: { library: aiSdk, unsupported: [] },
  ollama: {
    apiBase: "http://127.0.0.1:11434/v1",
    addsV1: true,
    free: true,
    unsupported: [
      ...openaiOnly,
      "tool_choice",
      "parallel_tool_calls",
      "n",
      "user",
      "metadata",
      "logprobs",
      "top_logprobs",
    ],
  },
  huggingface: {
    apiBase: "https://router.huggingface.co/v1",
    keyVariable: "HF_TOKEN",
    addsV1: true,
    unsupported: [...openaiOnly, "parallel_tool_calls", "user", "metadata", "modalities", "audio"],
  },
  mistral: {
    apiBase: "https://api.mistral.ai/v1",
    keyVariable: "MISTRAL_API_KEY",
    priceId: "mistral",
    usageUnasked: true,
    unsupported: [
      ...openaiOnly.filter((name) => name !== "prediction"),
      "logprobs",
      "top_logprobs",
      "max_completion_tokens",
      "seed",
      "stream_options",
      "user",
    ],
  },
  groq: {
    apiBase: "https://api.groq.com/openai/v1",
    keyVariable: "GROQ_API_KEY",
    priceId: "groq",
    routes: ["responses"],
    unsupported: [
      "logit_bias",
      "logprobs",
      "top_logprobs",
      "n",
      "prediction",
      "store",
      "verbosity",
      "web_search_options",
    ],
  },
  together_ai: {
    apiBase: "https://api.together.xyz/v1",
    keyVariable: "TOGETHERAI_API_KEY",
    priceId: "together",
    unsupported: [
      "prediction",
      "service_tier",
      "store",
      "verbosity",
      "web_search_options",
      "metadata",
    ],
  },
  deepseek: {
    apiBase: "https://api.deepseek.com/v1",
    keyVariable: "DEEPSEEK_API_KEY",
    priceId: "deepseek",
    // Without them a call that follows a tool's result is 400. Source: https://api-docs.deepseek.com/guides/thinking_mode
    thoughtsField: "reasoning_content",
    requiresThoughts: true,
    switchesThinking: true,
    unsupported: [
      ...openaiOnly,
      "n",
      "seed",
      "parallel_tool_calls",
      "max_completion_tokens",
      "user",
      "metadata",
    ],
  },
  xai: {
    apiBase: "https://api.x.ai/v1",
    keyVariable: "XAI_API_KEY",
    priceId: "x-ai",
    routes: ["responses"],
    unsupported: ["logit_bias", "prediction", "service_tier", "store", "verbosity", "metadata"],
  },
  fireworks_ai: {
    apiBase: "https://api.fireworks.ai/inference/v1",
    keyVariable: "FIREWORKS_API_KEY",
    priceId: "fireworks",
    // Source: https://docs.fireworks.ai/guides/reasoning
    thoughtsField: "reasoning_content",
    unsupported: ["service_tier", "store", "verbosity", "web_search_options"],
  },
  perplexity: {
    apiBase: "https://api.perplexity.ai",
    keyVariable: "PERPLEXITYAI_API_KEY",
    priceId: "perplexity",
    usageUnasked: true,
    unsupported: [
      ...openaiOnly.filter((name) => name !== "web_search_options"),
      "tools",
      "tool_choice",
      "parallel_tool_calls",
      "n",
      "seed",
      "logprobs",
      "top_logprobs",
      "max_completion_tokens",
      "stream_options",
      "user",
      "metadata",
    ],
  },
  hosted_vllm: {
    keyVariable: "HOSTED_VLLM_API_KEY",
    free: true,
    routes: ["responses"],
    // Source: https://docs.vllm.ai/en/stable/features/interleaved_thinking/
    thoughtsField: "reasoning",
    unsupported: ["prediction", "store", "verbosity", "web_search_options"],
  },
  custom_openai: { unsupported: [] },
} as const satisfies Record<string, Provider>;

export type ProviderName = keyof typeof providers;

export interface ModelReference {
  readonly provider: ProviderName;
  /** The name that the upstream knows the model by. */
  readonly model: string;
}

/** Splits `provider/model`; a bare name is OpenAI's. Undefined when the part before the slash is no provider of ours. */
export function parseModelReference(reference: string): ModelReference | undefined {
  const slash = reference.indexOf("/");
  if (slash === -1) return { provider: "openai", model: reference };
  const name = reference.slice(0, slash);
  return isProviderName(name) ? { provider: name, model: reference.slice(slash + 1) } : undefined;
}

function isProviderName(name: string): name is ProviderName {
  return Object.hasOwn(providers, name);
}
