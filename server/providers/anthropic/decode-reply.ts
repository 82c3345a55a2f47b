import type { ModelEvent } from "../model-event.ts";
import { argumentsOf, openingEvents } from "./decode-block.ts";
import { errorEvent } from "./errors.ts";
import { fieldsOf, isFields, listOf, textOf } from "../json.ts";
import { endingEvents } from "./stop-reason.ts";
import { readAnthropicUsage } from "./usage.ts";

/** Reads a whole `Message`. Empty where it is none. */
export function decodeReply(body: unknown): readonly ModelEvent[] {
  if (!isFields(body)) return [];
  if (body["type"] === "error") return [errorEvent(body)];
  if (!Array.isArray(body["content"])) return [];
  const events: ModelEvent[] = [];
  const id = textOf(body["id"]);
  if (id !== "") events.push({ type: "start", id });
  events.push(...contentEvents(body["content"]));
  const usage = readAnthropicUsage(body["usage"]);
  if (usage) events.push({ type: "usage", usage });
  events.push(...endingEvents(body));
  return events;
}

function contentEvents(content: readonly unknown[]): readonly ModelEvent[] {
  const events: ModelEvent[] = [];
  let calls = 0;
  for (const entry of listOf(content)) {
    const block = fieldsOf(entry);
    events.push(...openingEvents(block, calls));
    if (block["type"] !== "tool_use") continue;
    events.push({ type: "tool-arguments-delta", index: calls, json: argumentsOf(block) });
    calls += 1;
  }
  return events;
}
