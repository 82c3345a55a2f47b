import { parseJson } from "../../providers/json.ts";
import { readUsage } from "../../providers/usage.ts";
import type { Usage } from "../../../shared/spend.ts";
import type { EscapedText } from "../../wire/escaped-text.ts";
import { type NativeEvent, silent } from "../dialect.ts";
import { Members } from "../../wire/members.ts";
import type { Span } from "../../wire/span.ts";
import { dataOf } from "../../wire/sse-events.ts";

const quote = 0x22;
const openBrace = 0x7b;
const openBracket = 0x5b;
const closeBracket = 0x5d;

const done: NativeEvent = { ...silent, isDone: true };

/**
 * Reads the chunks of one stream in place and in one go, without parsing them. What the model generated (text, thinking, arguments
 * of tools) is added to `text`. One cursor goes through all of them, since what is left behind for each of thousands of chunks is
 * what collecting garbage takes its time for.
 */
export class ChunkReader {
  readonly #members = new Members();

  read(bytes: Buffer, event: Span, text: EscapedText): NativeEvent {
    const payload = dataOf(bytes, event);
    if (bytes[payload.start] === openBracket) return done;
    if (bytes[payload.start] !== openBrace) return silent;
    let model: Span | undefined;
    let usage: Usage | undefined;
    let hasChoices = false;
    let isError = false;
    const members = this.#members.of(bytes, payload);
    while (members.next()) {
      if (members.isNamed(named.choices)) hasChoices = this.#readChoices(bytes, text);
      else if (members.isNamed(named.model)) model = members.value();
      else if (members.isNamed(named.usage)) usage = usageIn(bytes, members);
      else if (members.isNamed(named.error)) isError = isTold(bytes, members.value());
    }
    return {
      isDone: false,
      model,
      usage,
      isUsageOnly: usage !== undefined && !hasChoices,
      isError,
    };
  }

  /** Of the first choice: a chunk carries one. False where the list is empty. */
  #readChoices(bytes: Buffer, text: EscapedText): boolean {
    const members = this.#members;
    if (!members.enter()) return !isEmptyList(bytes, members.value());
    while (members.next()) {
      if (members.isNamed(named.delta)) this.#addDelta(bytes, text);
      else if (members.isNamed(named.text)) addText(bytes, members, text);
    }
    return true;
  }

  #addDelta(bytes: Buffer, text: EscapedText): void {
    const members = this.#members;
    if (!members.enter()) return;
    let hasThinking = false;
    while (members.next()) {
      if (members.isNamed(named.content) || members.isNamed(named.refusal))
        addText(bytes, members, text);
      else if (members.isNamed(named.reasoning_content) || members.isNamed(named.reasoning)) {
        // Some upstreams give thinking under both names.
        if (!hasThinking) hasThinking = addText(bytes, members, text);
      } else if (members.isNamed(named.tool_calls)) this.#addToolCall(bytes, text);
    }
  }

  #addToolCall(bytes: Buffer, text: EscapedText): void {
    const members = this.#members;
    if (!members.enter()) return;
    while (members.next()) {
      if (!members.isNamed(named.function) || !members.enter()) continue;
      while (members.next())
        if (members.isNamed(named.name) || members.isNamed(named.arguments))
          addText(bytes, members, text);
    }
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

function usageIn(bytes: Buffer, members: Members): Usage | undefined {
  if (bytes[members.valueStart] !== openBrace) return undefined;
  return readUsage(parseJson(bytes.toString("utf8", members.valueStart, members.valueEnd)));
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

/** Whether there was any. Some upstreams send empty text with what is thought. */
function addText(bytes: Buffer, members: Members, text: EscapedText): boolean {
  if (bytes[members.valueStart] !== quote) return false;
  const start = members.valueStart + 1;
  const end = members.valueEnd - 1;
  text.add(bytes, start, end);
  return end > start;
}
