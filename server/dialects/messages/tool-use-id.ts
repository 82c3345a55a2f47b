/** A tool call's id at the upstream, and Gemini's signature of the thought that led to the call. */
export interface UpstreamCall {
  readonly id: string;
  readonly thoughtSignature?: string;
}

/** Anthropic refuses other ids, and a client may take this conversation there: `functions.Bash:0`, as Kimi has them. */
const accepted = /^[a-zA-Z0-9_-]+$/;

/** Before what is carried: JSON in base64url, which is within the accepted alphabet. */
const carrier = "toolu_kp_";

/**
 * The id that a client is shown. It is the upstream's own where that will do. Else it carries the upstream's, and the
 * signature: the id is the one field of a call that every client sends back, with the call and with its result. Fields of
 * our own would be lost in clients that rebuild the call from the fields they know (Claude Code), and refused by Anthropic.
 */
export function toolUseId({ id, thoughtSignature }: UpstreamCall): string {
  if (thoughtSignature !== undefined) return carry([id, thoughtSignature]);
  return accepted.test(id) && !id.startsWith(carrier) ? id : carry([id]);
}

/** What `toolUseId` was given. An id that carries nothing is the upstream's own. */
export function readToolUseId(shown: string): UpstreamCall {
  if (!shown.startsWith(carrier)) return { id: shown };
  const [id, thoughtSignature] = carried(shown);
  if (typeof id !== "string") return { id: shown };
  return typeof thoughtSignature === "string" ? { id, thoughtSignature } : { id };
}

function carry(content: readonly string[]): string {
  return carrier + Buffer.from(JSON.stringify(content)).toString("base64url");
}

function carried(shown: string): readonly unknown[] {
  try {
    const content: unknown = JSON.parse(
      Buffer.from(shown.slice(carrier.length), "base64url").toString(),
    );
    return Array.isArray(content) ? content : [];
  } catch {
    return [];
  }
}
