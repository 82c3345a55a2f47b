import { parseJson } from "../../providers/json.ts";
import { readUsage } from "../../providers/usage.ts";
import type { EscapedText } from "../../wire/escaped-text.ts";
import type { NativeEvent } from "../dialect.ts";
import { findMembers, type Span } from "../../wire/json-members.ts";
import { dataOf } from "../../wire/sse-events.ts";

const names = ["model", "choices", "usage", "error"].map((name) => Buffer.from(name));
const choiceNames = ["delta", "text"].map((name) => Buffer.from(name));
const deltaNames = ["content", "refusal", "reasoning_content", "reasoning", "tool_calls"].map(
  (name) => Buffer.from(name),
);
const toolNames = [Buffer.from("function")];
const functionNames = ["name", "arguments"].map((name) => Buffer.from(name));

const quote = 0x22;
const openBrace = 0x7b;
const openBracket = 0x5b;
const closeBracket = 0x5d;

const silent: NativeEvent = {
  isDone: false,
  model: undefined,
  usage: undefined,
  isUsageOnly: false,
  isError: false,
};

/**
 * Reads an event in place, without parsing it: only the spans that matter are looked at. What the model generated (text,
 * thinking, arguments of tools) is added to `text`.
 */
export function readStreamEvent(bytes: Buffer, event: Span, text: EscapedText): NativeEvent {
  const payload = dataOf(bytes, event);
  if (bytes[payload.start] === openBracket) return { ...silent, isDone: true };
  if (bytes[payload.start] !== openBrace) return silent;
  const [model, choices, usageSpan, error] = findMembers(bytes, payload, names);
  const usage =
    usageSpan && bytes[usageSpan.start] === openBrace
      ? readUsage(parse(bytes, usageSpan))
      : undefined;
  if (choices) addGenerated(bytes, choices, text);
  return {
    isDone: false,
    model,
    usage,
    isUsageOnly: usage !== undefined && (!choices || isEmptyList(bytes, choices)),
    isError: error !== undefined && isTold(bytes, error),
  };
}

function parse(bytes: Buffer, { start, end }: Span): unknown {
  return parseJson(bytes.toString("utf8", start, end));
}

/** An object, or text that is not empty: some upstreams send no more than a sentence. */
function isTold(bytes: Buffer, { start, end }: Span): boolean {
  return bytes[start] === openBrace || (bytes[start] === quote && end - start > 2);
}

function isEmptyList(bytes: Buffer, { start, end }: Span): boolean {
  if (bytes[start] !== openBracket) return false;
  for (let at = start + 1; at < end; at += 1)
    if ((bytes[at] ?? 0) > 0x20) return bytes[at] === closeBracket;
  return false;
}

/** Of the first choice: a chunk carries one. */
function addGenerated(bytes: Buffer, choices: Span, text: EscapedText): void {
  const [delta, whole] = findMembers(bytes, choices, choiceNames);
  if (!delta) return addText(bytes, whole, text);
  const [content, refusal, reasoningContent, reasoning, tools] = findMembers(
    bytes,
    delta,
    deltaNames,
  );
  addText(bytes, content, text);
  addText(bytes, refusal, text);
  // Some upstreams give thinking under both names.
  addText(bytes, reasoningContent ?? reasoning, text);
  if (tools && bytes[tools.start] === openBracket) addToolCall(bytes, tools, text);
}

function addToolCall(bytes: Buffer, tools: Span, text: EscapedText): void {
  const [called] = findMembers(bytes, tools, toolNames);
  if (!called) return;
  for (const span of findMembers(bytes, called, functionNames)) addText(bytes, span, text);
}

function addText(bytes: Buffer, span: Span | undefined, text: EscapedText): void {
  if (span && bytes[span.start] === quote) text.add(bytes, span.start + 1, span.end - 1);
}
