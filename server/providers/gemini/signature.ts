import type { ThinkingBlock } from "../../../shared/openai/chat.ts";

/**
 * Signatures of thoughts are handed out marked, since a conversation may move between providers and each one answers a
 * foreign signature with an error: an Anthropic one cannot be told from Gemini's by its looks.
 */
const mark = "google:";

export function markSignature(signature: string): string {
  return mark + signature;
}

/** The last of Gemini's signatures in a message: it seals all that was thought for it. */
export function ownSignature(
  blocks: readonly ThinkingBlock[] | null | undefined,
): string | undefined {
  for (const block of (blocks ?? []).toReversed())
    if (block.type === "thinking" && block.signature?.startsWith(mark))
      return block.signature.slice(mark.length);
  return undefined;
}

/**
 * Goes with a call that Gemini did not make, or whose signature the client lost: Gemini 3 refuses the call without one.
 *
 * Source: https://ai.google.dev/gemini-api/docs/thought-signatures
 */
export const foreignCallSignature = "skip_thought_signature_validator";
