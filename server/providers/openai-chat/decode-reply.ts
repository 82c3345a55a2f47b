import { type Fields, fieldsOf, isEmpty, isFields, listOf } from "../json.ts";
import type { ModelEvent } from "../model-event.ts";
import { readUsage } from "../usage.ts";
import { addCall, addTexts, errorEvent, finishReason } from "./decode-stream.ts";

/** Reads a `chat.completion`. */
export function decodeReply(body: unknown): readonly ModelEvent[] {
  const reply = fieldsOf(body);
  const choice = listOf(reply["choices"]).find(isFields);
  const { error } = reply;
  if (!choice) return isEmpty(error) ? [] : [errorEvent(error), ...usageEvents(reply)];
  const message = fieldsOf(choice["message"]);
  const events: ModelEvent[] = [];
  if (typeof reply["id"] === "string") events.push({ type: "start", id: reply["id"] });
  addTexts(message, events);
  const calls = new Set<number>();
  for (const [place, call] of listOf(message["tool_calls"]).entries())
    if (isFields(call)) addCall(call, { place, calls, events });
  events.push(...usageEvents(reply));
  const reason = choice["finish_reason"];
  events.push({
    type: "finish",
    reason: finishReason(typeof reason === "string" ? reason : "stop"),
  });
  return events;
}

function usageEvents(reply: Fields): readonly ModelEvent[] {
  const usage = readUsage(reply["usage"]);
  return usage ? [{ type: "usage", usage }] : [];
}
