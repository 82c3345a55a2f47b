import { z } from "zod";
import { thinkingBlock, type ThinkingBlock } from "../../../shared/openai/chat.ts";

/**
 * What a provider wants to see again, in `encrypted_content` of a reasoning item, which clients send back as they got it. Sealed
 * in the sense that clients do not look into it: the signatures in it are the provider's protection, not ours.
 */
const sealed = z.strictObject({
  keyplane: z.literal(1),
  /** As the provider gave them: it accepts a signature only beside the very text that it signed. */
  thinking: z.array(thinkingBlock),
  /** The id of a call, and Gemini's signature of the thought that led to it. */
  calls: z.array(z.tuple([z.string(), z.string()])),
});

export type SealedThoughts = Pick<z.infer<typeof sealed>, "thinking" | "calls">;

/** Of base64, how what we have sealed begins: nine bytes, so that it ends where three of them do. */
const prefix = Buffer.from('{"keyplan').toString("base64");

export function sealThoughts(
  thinking: readonly ThinkingBlock[],
  calls: readonly (readonly [id: string, signature: string])[],
): string {
  return Buffer.from(JSON.stringify({ keyplane: 1, thinking, calls })).toString("base64");
}

/** Undefined where somebody else has sealed it: OpenAI, in the earlier part of a conversation that has moved. */
export function unsealThoughts(encrypted: string): SealedThoughts | undefined {
  if (!encrypted.startsWith(prefix)) return undefined;
  try {
    const { success, data } = sealed.safeParse(
      JSON.parse(Buffer.from(encrypted, "base64").toString()),
    );
    return success ? data : undefined;
  } catch {
    return undefined;
  }
}
