import type { ModelEvent } from "../providers/model-event.ts";

/** What an event adds to what was generated: text, thinking, names and arguments of tools. */
export function textOfEvent(event: ModelEvent): string {
  switch (event.type) {
    case "text-delta":
    case "refusal-delta":
    case "reasoning-delta":
      return event.text;
    case "tool-call":
      return event.name;
    case "tool-arguments-delta":
      return event.json;
    default:
      return "";
  }
}

export function textOfEvents(events: readonly ModelEvent[]): string {
  return events.map(textOfEvent).join("");
}
