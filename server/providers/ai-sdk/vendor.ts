import type { LanguageModelV3CallOptions } from "@ai-sdk/provider";
import type { Chat } from "../../../shared/openai/chat.ts";
import type { EmbeddingRequest } from "../../../shared/openai/requests.ts";
import type { Translation } from "../translation.ts";

/** What a vendor's package takes beside what the SDK has common words for. */
export interface Vendor {
  /** Parameters of a chat that `express` understands, by their names. */
  readonly takes: readonly string[];
  readonly hoistsSystem?: true;
  readonly hidesFilenames?: true;
  /** Knows the marks of `cache_control`. */
  readonly cachesPrompts?: true;
  /** The chat's own parameters in the vendor's words; they go over the common ones. */
  readonly express?: (chat: Chat, context: VendorContext) => Partial<LanguageModelV3CallOptions>;
  /** Parameters of an embedding that `expressEmbedding` understands. */
  readonly embeddingTakes?: readonly string[];
  readonly expressEmbedding?: (request: EmbeddingRequest, model: string) => ProviderOptions;
}

export interface VendorContext {
  /** The vendor's name of the model. */
  readonly model: string;
  readonly translation: Translation;
}

export type ProviderOptions = NonNullable<LanguageModelV3CallOptions["providerOptions"]>;
export type VendorOptions = ProviderOptions[string];

/** A vendor's options without those that were not asked for. */
export function given(options: Readonly<Record<string, unknown>>): VendorOptions {
  const set = Object.entries(options).filter(([, value]) => value !== undefined && value !== null);
  // What comes here was read from JSON.
  return Object.fromEntries(set) as VendorOptions;
}
