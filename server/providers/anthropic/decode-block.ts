import type { ModelEvent } from "../model-event.ts";
import { type Fields, isFields, textOf } from "../json.ts";

/**
 * What a block says as it stands: all of a whole answer's, and what a streamed one begins with, which is mostly nothing. Of a
 * tool's use the arguments are left to the caller, since a stream brings them later. Blocks of tools that Anthropic runs itself,
 * and those that nobody knows, say nothing.
 *
 * @param callIndex which call of the answer it is, if it is one
 */
export function openingEvents(block: Fields, callIndex: number): readonly ModelEvent[] {
  switch (block["type"]) {
    case "text": {
      const text = textOf(block["text"]);
      return text === "" ? [] : [{ type: "text-delta", text }];
    }
    case "thinking":
      return thoughtEvents(textOf(block["thinking"]), textOf(block["signature"]));
    case "redacted_thinking":
      return [{ type: "reasoning-redacted", data: textOf(block["data"]) }];
    case "tool_use": {
      const { id, name } = block;
      return [{ type: "tool-call", index: callIndex, id: textOf(id), name: textOf(name) }];
    }
    default:
      return [];
  }
}

function thoughtEvents(text: string, signature: string): readonly ModelEvent[] {
  const events: ModelEvent[] = [];
  if (text !== "") events.push({ type: "reasoning-delta", text });
  if (signature !== "") events.push({ type: "reasoning-signature", signature });
  return events;
}

/** The arguments of a call that come as an object, not as text. */
export function argumentsOf(block: Fields): string {
  return isFields(block["input"]) ? JSON.stringify(block["input"]) : "{}";
}
