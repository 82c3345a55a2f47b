import type { ModelEvent } from "../model-event.ts";
import { Decoder, isBlocked } from "./decoder.ts";
import { isFields, listOf } from "../json.ts";

/** Reads an answer that was not streamed. A list of chunks is one too: so Vertex streams to who does not ask for events. */
export function decodeReply(body: unknown): readonly ModelEvent[] {
  const responses = Array.isArray(body) ? body : [body];
  if (!responses.some(isAnswer)) return [];
  const decoder = new Decoder();
  const events = responses.flatMap((response) => decoder.read(response));
  return [...events, ...decoder.finish()];
}

/** Gemini sometimes answers with a usage and no candidate: there is nothing to show for it, and another try may cure it. */
function isAnswer(response: unknown): boolean {
  if (!isFields(response)) return false;
  return (
    listOf(response["candidates"]).some(isFields) ||
    isBlocked(response) ||
    isFields(response["error"])
  );
}
