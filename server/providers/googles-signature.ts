/**
 * Gemini's signatures of thoughts are handed out marked, since a conversation may move between providers and each one answers a
 * foreign signature with an error: an Anthropic one cannot be told from Gemini's by its looks.
 */
const mark = "google:";

export function markSignature(signature: string): string {
  return mark + signature;
}

/** Gemini's own signature; undefined for one that is another's. */
export function unmarkSignature(signature: string): string | undefined {
  return signature.startsWith(mark) ? signature.slice(mark.length) : undefined;
}
