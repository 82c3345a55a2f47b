import type { FinishReason } from "../../providers/model-event.ts";

export const finishReasons: Readonly<Record<FinishReason, string>> = {
  stop: "stop",
  length: "length",
  "tool-calls": "tool_calls",
  "content-filter": "content_filter",
  // A client of this format goes on by sending what it was given: to it the turn is over.
  pause: "stop",
};
