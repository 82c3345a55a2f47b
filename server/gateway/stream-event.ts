import type { Usage } from "../../shared/spend.ts";
import { readUsage } from "../providers/usage.ts";
import { findMembers, type Span } from "./json-members.ts";

/** What an event of an OpenAI stream says, as far as the gateway cares. Texts are still in JSON's escapes, without quotes. */
export interface StreamEvent {
  readonly isDone: boolean;
  /** The value of `model`, quotes included. */
  readonly model: Span | undefined;
  readonly usage: Usage | undefined;
  /** It carries the usage and nothing else. */
  readonly isUsageOnly: boolean;
  /** What the model generated: text, thinking, arguments of tools. */
  readonly text: string;
  readonly isError: boolean;
}

const names = ["model", "choices", "usage", "error"].map((name) => Buffer.from(name));
const choiceNames = ["delta", "text"].map((name) => Buffer.from(name));
const deltaNames = ["content", "reasoning_content", "reasoning", "refusal", "tool_calls"].map((name) => Buffer.from(name));
const toolNames = [Buffer.from("function")];
const functionNames = ["name", "arguments"].map((name) => Buffer.from(name));

const data = Buffer.from("data:");
const quote = 0x22;
const openBrace = 0x7b;
const openBracket = 0x5b;
const closeBracket = 0x5d;

const silent: StreamEvent = { isDone: false, model: undefined, usage: undefined, isUsageOnly: false, text: "", isError: false };

/** Reads an event in place, without parsing it: only the spans that matter are looked at. */
export function readStreamEvent(bytes: Buffer, start: number, end: number): StreamEvent {
  const payload = payloadOf(bytes, start, end);
  if (bytes[payload.start] === openBracket) return { ...silent, isDone: true };
  if (bytes[payload.start] !== openBrace) return silent;
  const [model, choices, usageSpan, error] = findMembers(bytes, payload, names);
  const usage = usageSpan && bytes[usageSpan.start] === openBrace ? readUsage(parse(bytes, usageSpan)) : undefined;
  return {
    isDone: false,
    model,
    usage,
    isUsageOnly: usage !== undefined && (!choices || isEmptyList(bytes, choices)),
    text: choices ? generatedText(bytes, choices) : "",
    isError: error !== undefined && bytes[error.start] === openBrace,
  };
}

/** The data of an event: what follows `data:` on its line. Other fields and comments come before it, if at all. */
function payloadOf(bytes: Buffer, start: number, end: number): Span {
  const isFirst = data.compare(bytes, start, start + data.length) === 0;
  const line = isFirst ? start : bytes.indexOf("\ndata:", start) + 1;
  if (line < start || line === 0 && !isFirst || line >= end) return { start: end, end };
  let at = line + data.length;
  while (at < end && (bytes[at] ?? 0) <= 0x20) at += 1;
  return { start: at, end };
}

function parse(bytes: Buffer, { start, end }: Span): unknown {
  try {
    return JSON.parse(bytes.toString("utf8", start, end));
  } catch {
    return undefined;
  }
}

function isEmptyList(bytes: Buffer, { start, end }: Span): boolean {
  if (bytes[start] !== openBracket) return false;
  for (let at = start + 1; at < end; at += 1) if ((bytes[at] ?? 0) > 0x20) return bytes[at] === closeBracket;
  return false;
}

/** Of the first choice: a chunk carries one. */
function generatedText(bytes: Buffer, choices: Span): string {
  const [delta, text] = findMembers(bytes, choices, choiceNames);
  if (!delta) return textOf(bytes, text);
  const [content, reasoningContent, reasoning, refusal, tools] = findMembers(bytes, delta, deltaNames);
  // Some upstreams give thinking under both names.
  const thinking = textOf(bytes, reasoningContent) || textOf(bytes, reasoning);
  const said = textOf(bytes, content) + thinking + textOf(bytes, refusal);
  return tools && bytes[tools.start] === openBracket ? said + toolText(bytes, tools) : said;
}

function toolText(bytes: Buffer, tools: Span): string {
  const [called] = findMembers(bytes, tools, toolNames);
  if (!called) return "";
  return findMembers(bytes, called, functionNames)
    .map((span) => textOf(bytes, span))
    .join("");
}

function textOf(bytes: Buffer, span: Span | undefined): string {
  return span && bytes[span.start] === quote ? bytes.toString("utf8", span.start + 1, span.end - 1) : "";
}
