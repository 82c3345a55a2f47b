import type { FinishReason, ModelEvent } from "../model-event.ts";

/**
 * Why Gemini stops, in everybody's words.
 *
 * Source: https://ai.google.dev/api/generate-content#FinishReason, and Vertex's MODEL_ARMOR
 */
const reasons: ReadonlyMap<string, FinishReason> = new Map([
  ["STOP", "stop"],
  ["MAX_TOKENS", "length"],
  ["SAFETY", "content-filter"],
  ["RECITATION", "content-filter"],
  ["LANGUAGE", "content-filter"],
  ["BLOCKLIST", "content-filter"],
  ["PROHIBITED_CONTENT", "content-filter"],
  ["SPII", "content-filter"],
  ["IMAGE_SAFETY", "content-filter"],
  ["IMAGE_PROHIBITED_CONTENT", "content-filter"],
  ["IMAGE_RECITATION", "content-filter"],
  ["MODEL_ARMOR", "content-filter"],
  ["ESCALATION", "content-filter"],
]);

/** The model failed: what it was about to say is lost, and another try may cure it. */
const failures: ReadonlySet<string> = new Set([
  "MALFORMED_FUNCTION_CALL",
  "MALFORMED_RESPONSE",
  "UNEXPECTED_TOOL_CALL",
  "TOO_MANY_TOOL_CALLS",
  "MISSING_THOUGHT_SIGNATURE",
]);

/** The end of an answer. A reason that is not known (OTHER, NO_IMAGE, IMAGE_OTHER, or new) is a plain stop. */
export function finishEvent(reason: string, detail: unknown, hasCalls: boolean): ModelEvent {
  if (failures.has(reason)) {
    const words = typeof detail === "string" && detail !== "" ? `: ${detail}` : "";
    return {
      type: "error",
      message: `The model gave no valid answer (${reason})${words}`,
      code: reason,
    };
  }
  const known = reasons.get(reason) ?? "stop";
  return { type: "finish", reason: known === "stop" && hasCalls ? "tool-calls" : known };
}
