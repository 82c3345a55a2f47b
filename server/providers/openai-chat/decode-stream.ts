import { CallOrder } from "../call-order.ts";
import { nameOfError } from "../error-name.ts";
import { type Fields, fieldsOf, isFields, listOf, textOf } from "../json.ts";
import type { FinishReason, ModelEvent, ToolCallStart } from "../model-event.ts";
import { readUsage } from "../usage.ts";

/** Reads `chat.completion.chunk`s. Of several choices the first is the answer. Calls may come interleaved, told apart by index. */
export function createDecoder(): (data: unknown) => readonly ModelEvent[] {
  const read = createReader();
  const order = new CallOrder();
  return (data) => order.arrange(read(data));
}

/** In the order of the chunks. */
function createReader(): (data: unknown) => readonly ModelEvent[] {
  const calls = new Set<number>();
  let isStarted = false;
  return (data) => {
    const events: ModelEvent[] = [];
    const chunk = fieldsOf(data);
    if (chunk["error"] !== undefined && chunk["error"] !== null)
      return [errorEvent(chunk["error"])];
    if (!isStarted && typeof chunk["id"] === "string") {
      isStarted = true;
      events.push({ type: "start", id: chunk["id"] });
    }
    for (const choice of listOf(chunk["choices"]))
      if (isFields(choice) && (choice["index"] ?? 0) === 0) addChoice(choice, calls, events);
    const usage = isFields(chunk["usage"]) ? readUsage(chunk["usage"]) : undefined;
    if (usage) events.push({ type: "usage", usage });
    return events;
  };
}

function addChoice(choice: Fields, calls: Set<number>, events: ModelEvent[]): void {
  const delta = fieldsOf(choice["delta"]);
  addTexts(delta, events);
  for (const [place, call] of listOf(delta["tool_calls"]).entries())
    if (isFields(call)) addCall(call, { place, calls, events });
  const reason = choice["finish_reason"];
  if (typeof reason === "string") events.push({ type: "finish", reason: finishReason(reason) });
}

/** Of a delta or of a message, which have the same fields. */
export function addTexts(said: Fields, events: ModelEvent[]): void {
  // Some upstreams give thinking under both names.
  const thought = textOf(said["reasoning_content"] ?? said["reasoning"]);
  if (thought !== "") events.push({ type: "reasoning-delta", text: thought });
  if (Array.isArray(said["content"])) addParts(said["content"], events);
  const text = textOf(said["content"]);
  if (text !== "") events.push({ type: "text-delta", text });
  const refusal = textOf(said["refusal"]);
  if (refusal !== "") events.push({ type: "refusal-delta", text: refusal });
}

/** Mistral's reasoning models answer in parts, and think in parts of parts. */
function addParts(parts: readonly unknown[], events: ModelEvent[]): void {
  for (const part of parts.filter(isFields)) {
    const thought = listOf(part["thinking"]).map((inner) => textOf(fieldsOf(inner)["text"]));
    if (thought.length > 0) events.push({ type: "reasoning-delta", text: thought.join("") });
    const text = textOf(part["text"]);
    if (text !== "") events.push({ type: "text-delta", text });
  }
}

interface Calling {
  readonly place: number;
  /** Those that have begun. */
  readonly calls: Set<number>;
  readonly events: ModelEvent[];
}

/** The first piece of a call has its id and name; some upstreams repeat them with every piece, or leave the index out. */
export function addCall(call: Fields, { place, calls, events }: Calling): void {
  const index = typeof call["index"] === "number" ? call["index"] : place;
  const called = fieldsOf(call["function"]);
  if (!calls.has(index)) {
    calls.add(index);
    events.push(callStart(call, textOf(called["name"]), index));
  }
  const json = textOf(called["arguments"]);
  if (json !== "") events.push({ type: "tool-arguments-delta", index, json });
}

function callStart(call: Fields, name: string, index: number): ToolCallStart {
  const google = fieldsOf(fieldsOf(call["extra_content"])["google"]);
  const signature = textOf(google["thought_signature"]);
  const id = textOf(call["id"]) || `call_${index}`;
  return {
    type: "tool-call",
    index,
    id,
    name,
    ...(signature !== "" && { thoughtSignature: signature }),
  };
}

const finishReasons: Readonly<Record<string, FinishReason>> = {
  stop: "stop",
  length: "length",
  tool_calls: "tool-calls",
  function_call: "tool-calls",
  content_filter: "content-filter",
};

export function finishReason(reason: string): FinishReason {
  return Object.hasOwn(finishReasons, reason) ? (finishReasons[reason] ?? "stop") : "stop";
}

export function errorEvent(error: unknown): ModelEvent {
  const fields = fieldsOf(error);
  return {
    type: "error",
    message: textOf(typeof error === "string" ? error : fields["message"]),
    code: nameOfError(fields) ?? null,
    kind: fields["type"],
  };
}
