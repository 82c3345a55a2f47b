import type { ThinkingBlock } from "../../../shared/openai/chat.ts";
import { unmarkSignature } from "../googles-signature.ts";

/** The last of Gemini's signatures in a message: it seals all that was thought for it. */
export function ownSignature(
  blocks: readonly ThinkingBlock[] | null | undefined,
): string | undefined {
  return (blocks ?? [])
    .map((block) =>
      block.type === "thinking" ? unmarkSignature(block.signature ?? "") : undefined,
    )
    .findLast((signature) => signature !== undefined);
}

/**
 * Goes with a call that Gemini did not make, or whose signature the client lost: Gemini 3 refuses the call without one.
 *
 * Source: https://ai.google.dev/gemini-api/docs/thought-signatures
 */
export const foreignCallSignature = "skip_thought_signature_validator";
