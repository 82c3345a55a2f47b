import { unmarkSignature } from "../googles-signature.ts";
import type { SharedV3ProviderOptions } from "@ai-sdk/provider";
import type { z } from "zod";
import type { cacheControl, ThinkingBlock } from "../../../shared/openai/chat.ts";

// What hangs on one part of a prompt is said in the words of every vendor that has some: a package reads its own only.

/** What may be read from a cache next time. */
export function cacheMark(
  mark: z.infer<typeof cacheControl> | null | undefined,
): { providerOptions: SharedV3ProviderOptions } | undefined {
  if (!mark) return undefined;
  const ttl = mark.ttl ? { ttl: mark.ttl } : {};
  const anthropic = { cacheControl: { type: "ephemeral", ...ttl } };
  return {
    providerOptions: {
      anthropic,
      openrouter: anthropic,
      bedrock: { cachePoint: { type: "default", ...ttl } },
    },
  };
}

/** The seal by which a vendor knows a thought of its model again. */
export function thoughtMark(
  block: ThinkingBlock,
): { providerOptions: SharedV3ProviderOptions } | undefined {
  if (block.type === "redacted_thinking")
    return {
      providerOptions: {
        anthropic: { redactedData: block.data },
        bedrock: { redactedContent: block.data },
      },
    };
  const { signature } = block;
  if (!signature || unmarkSignature(signature) !== undefined) return undefined;
  return { providerOptions: { anthropic: { signature }, bedrock: { signature } } };
}

/** Gemini's seal on the call that a thought led to. */
export function callMark(
  thoughtSignature: string | null | undefined,
): { providerOptions: SharedV3ProviderOptions } | undefined {
  if (!thoughtSignature) return undefined;
  return { providerOptions: { google: { thoughtSignature }, vertex: { thoughtSignature } } };
}
