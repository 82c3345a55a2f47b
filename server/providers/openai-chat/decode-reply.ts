import { fieldsOf, isFields, listOf } from "../json.ts";
import type { ModelEvent } from "../model-event.ts";
import { readUsage } from "../usage.ts";
import { addCall, addTexts, finishReason } from "./decode-stream.ts";

/** Reads a `chat.completion`. */
export function decodeReply(body: unknown): readonly ModelEvent[] {
  const reply = fieldsOf(body);
  const choice = listOf(reply["choices"]).find(isFields);
  if (!choice) return [];
  const message = fieldsOf(choice["message"]);
  const events: ModelEvent[] = [];
  if (typeof reply["id"] === "string") events.push({ type: "start", id: reply["id"] });
  addTexts(message, events);
  const calls = new Set<number>();
  for (const [place, call] of listOf(message["tool_calls"]).entries())
    if (isFields(call)) addCall(call, { place, calls, events });
  const usage = readUsage(reply["usage"]);
  if (usage) events.push({ type: "usage", usage });
  const reason = choice["finish_reason"];
  events.push({
    type: "finish",
    reason: finishReason(typeof reason === "string" ? reason : "stop"),
  });
  return events;
}
