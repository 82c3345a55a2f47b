import { parseJson } from "../../../providers/json.ts";
import type { EscapedText } from "../../../wire/escaped-text.ts";
import { findMembers } from "../../../wire/json-members.ts";
import { type Span, standsAt } from "../../../wire/span.ts";
import { dataOf } from "../../../wire/sse-events.ts";
import { type NativeEvent, silent } from "../../dialect.ts";
import { readUsage } from "./usage.ts";

const typeName = [Buffer.from("type"), Buffer.from("error")];
const partNames = [Buffer.from("delta"), Buffer.from("response")];
const responseNames = [Buffer.from("model"), Buffer.from("usage")];

/** How an event begins that has its type first, as OpenAI writes them. */
const typeFirst = Buffer.from('{"type":"');
/**
 * How the member begins that an event is about, as OpenAI writes it. A bare quote is never inside a string, so this is a name, and
 * before it stand only ids and numbers of the upstream's. Searching for it takes half of the time of a walk through the members.
 */
const deltaBegin = Buffer.from(',"delta":"');
const responseBegin = Buffer.from(',"response":{');
const quote = 0x22;
const backslash = 0x5c;
const openBrace = 0x7b;

type EventKind = "piece" | "response" | "end" | "failed" | "error";

/**
 * The events that say something which the gateway cares for. Those that repeat, as `response.output_text.done` repeats the whole
 * text, are passed over, and those of audio, whose pieces are not text.
 *
 * Source: https://platform.openai.com/docs/api-reference/responses-streaming
 */
const kinds: ReadonlyMap<string, EventKind> = new Map<string, EventKind>([
  ["response.output_text.delta", "piece"],
  ["response.refusal.delta", "piece"],
  ["response.reasoning_text.delta", "piece"],
  ["response.reasoning_summary_text.delta", "piece"],
  ["response.function_call_arguments.delta", "piece"],
  ["response.custom_tool_call_input.delta", "piece"],
  ["response.mcp_call_arguments.delta", "piece"],
  ["response.code_interpreter_call_code.delta", "piece"],
  ["response.audio.transcript.delta", "piece"],
  ["response.queued", "response"],
  ["response.created", "response"],
  ["response.in_progress", "response"],
  ["response.completed", "end"],
  ["response.incomplete", "end"],
  ["response.failed", "failed"],
  ["error", "error"],
]);

const failure: NativeEvent = { ...silent, isError: true };

/**
 * Reads an event in place, without parsing it. What the model generated is added to `text`. One that failed is no end that is
 * held back until it is accounted for: the client is to see it as it comes.
 */
export function readStreamEvent(bytes: Buffer, event: Span, text: EscapedText): NativeEvent {
  const payload = dataOf(bytes, event);
  if (bytes[payload.start] !== openBrace) return silent;
  const kind = kindOf(bytes, payload);
  switch (kind) {
    case undefined:
      return silent;
    case "piece":
      addPiece(bytes, payload, text);
      return silent;
    case "error":
      return failure;
    case "response":
    case "end":
    case "failed":
      return readResponse(bytes, payload, kind);
  }
}

function readResponse(
  bytes: Buffer,
  payload: Span,
  kind: "response" | "end" | "failed",
): NativeEvent {
  const response = responseOf(bytes, payload);
  const [model, usage] = response ? findMembers(bytes, response, responseNames) : [];
  return {
    isDone: kind === "end",
    model: model && bytes[model.start] === quote ? model : undefined,
    usage: usage && bytes[usage.start] === openBrace ? readUsage(parse(bytes, usage)) : undefined,
    isUsageOnly: false,
    isError: kind === "failed",
  };
}

function kindOf(bytes: Buffer, payload: Span): EventKind | undefined {
  if (standsAt(bytes, payload.start, typeFirst)) {
    const start = payload.start + typeFirst.length;
    return kinds.get(bytes.toString("latin1", start, bytes.indexOf(quote, start)));
  }
  const [type, error] = findMembers(bytes, payload, typeName);
  if (type) return kinds.get(bytes.toString("latin1", type.start + 1, type.end - 1));
  // What a proxy before the upstream says has no type.
  return error && bytes[error.start] === openBrace ? "error" : undefined;
}

/** A span that begins before its brace will do: what is looked for is in the first object of it. */
function responseOf(bytes: Buffer, payload: Span): Span | undefined {
  const start = bytes.indexOf(responseBegin, payload.start);
  if (start !== -1 && start < payload.end) return { start, end: payload.end };
  const [, response] = findMembers(bytes, payload, partNames);
  return response && bytes[response.start] === openBrace ? response : undefined;
}

function addPiece(bytes: Buffer, payload: Span, text: EscapedText): void {
  const begin = bytes.indexOf(deltaBegin, payload.start);
  if (begin !== -1 && begin < payload.end) {
    const start = begin + deltaBegin.length;
    return text.add(bytes, start, stringEnd(bytes, start, payload.end));
  }
  const [delta] = findMembers(bytes, payload, partNames);
  if (delta && bytes[delta.start] === quote) text.add(bytes, delta.start + 1, delta.end - 1);
}

/** The place of the closing quote of a string that begins at `start`: a piece is too short for a native search. */
function stringEnd(bytes: Buffer, start: number, end: number): number {
  let at = start;
  while (at < end && bytes[at] !== quote) at += bytes[at] === backslash ? 2 : 1;
  return Math.min(at, end);
}

function parse(bytes: Buffer, { start, end }: Span): unknown {
  return parseJson(bytes.toString("latin1", start, end));
}
