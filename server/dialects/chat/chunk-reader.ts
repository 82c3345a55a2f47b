import { parseJson } from "../../providers/json.ts";
import { readUsage } from "../../providers/usage.ts";
import type { EscapedText } from "../../wire/escaped-text.ts";
import { type NativeEvent, silent } from "../dialect.ts";
import { Members, type Span } from "../../wire/json-members.ts";
import { dataOf } from "../../wire/sse-events.ts";

const quote = 0x22;
const openBrace = 0x7b;
const openBracket = 0x5b;
const closeBracket = 0x5d;

const done: NativeEvent = { ...silent, isDone: true };

/**
 * Reads the chunks of one stream in place, without parsing them: only the spans that matter are looked at. What the model
 * generated (text, thinking, arguments of tools) is added to `text`. One cursor goes through all of them, since what is left
 * behind for each of thousands of chunks is what collecting garbage takes its time for.
 */
export class ChunkReader {
  readonly #members = new Members();

  read(bytes: Buffer, event: Span, text: EscapedText): NativeEvent {
    const payload = dataOf(bytes, event);
    if (bytes[payload.start] === openBracket) return done;
    if (bytes[payload.start] !== openBrace) return silent;
    let model: Span | undefined;
    let choices: Span | undefined;
    let reported: Span | undefined;
    let isError = false;
    const members = this.#members.enter(bytes, payload);
    while (members.next()) {
      if (members.isNamed(named.model)) model = members.value();
      else if (members.isNamed(named.choices)) choices = members.value();
      else if (members.isNamed(named.usage)) reported = members.value();
      else if (members.isNamed(named.error)) isError = isTold(bytes, members.value());
    }
    if (choices) this.#addGenerated(bytes, choices, text);
    const usage =
      reported && bytes[reported.start] === openBrace
        ? readUsage(parse(bytes, reported))
        : undefined;
    const isUsageOnly = usage !== undefined && (!choices || isEmptyList(bytes, choices));
    return { isDone: false, model, usage, isUsageOnly, isError };
  }

  /** Of the first choice: a chunk carries one. */
  #addGenerated(bytes: Buffer, choices: Span, text: EscapedText): void {
    let delta: Span | undefined;
    const members = this.#members.enter(bytes, choices);
    while (members.next()) {
      if (members.isNamed(named.delta)) delta = members.value();
      else if (members.isNamed(named.text)) addText(bytes, members.value(), text);
    }
    if (delta) this.#addDelta(bytes, delta, text);
  }

  #addDelta(bytes: Buffer, delta: Span, text: EscapedText): void {
    let thinking: Span | undefined;
    let tools: Span | undefined;
    const members = this.#members.enter(bytes, delta);
    while (members.next()) {
      if (members.isNamed(named.content) || members.isNamed(named.refusal))
        addText(bytes, members.value(), text);
      // Some upstreams give thinking under both names.
      else if (members.isNamed(named.reasoning_content) || members.isNamed(named.reasoning))
        thinking = members.value();
      else if (members.isNamed(named.tool_calls)) tools = members.value();
    }
    if (thinking) addText(bytes, thinking, text);
    if (tools && bytes[tools.start] === openBracket) this.#addToolCall(bytes, tools, text);
  }

  #addToolCall(bytes: Buffer, tools: Span, text: EscapedText): void {
    let called: Span | undefined;
    const members = this.#members.enter(bytes, tools);
    while (members.next()) if (members.isNamed(named.function)) called = members.value();
    if (!called) return;
    members.enter(bytes, called);
    while (members.next())
      if (members.isNamed(named.name) || members.isNamed(named.arguments))
        addText(bytes, members.value(), text);
  }
}

const named = {
  model: Buffer.from("model"),
  choices: Buffer.from("choices"),
  usage: Buffer.from("usage"),
  error: Buffer.from("error"),
  delta: Buffer.from("delta"),
  text: Buffer.from("text"),
  content: Buffer.from("content"),
  refusal: Buffer.from("refusal"),
  reasoning_content: Buffer.from("reasoning_content"),
  reasoning: Buffer.from("reasoning"),
  tool_calls: Buffer.from("tool_calls"),
  function: Buffer.from("function"),
  name: Buffer.from("name"),
  arguments: Buffer.from("arguments"),
};

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

function addText(bytes: Buffer, span: Span, text: EscapedText): void {
  if (bytes[span.start] === quote) text.add(bytes, span.start + 1, span.end - 1);
}
