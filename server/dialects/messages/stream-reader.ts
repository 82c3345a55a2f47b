import { parseJson } from "../../providers/json.ts";
import type { Usage } from "../../../shared/spend.ts";
import { mergeAnthropicUsage, readAnthropicUsage } from "../../providers/anthropic/usage.ts";
import type { EscapedText } from "../../wire/escaped-text.ts";
import { findMembers } from "../../wire/json-members.ts";
import { isValue, type Span } from "../../wire/span.ts";
import { dataOf } from "../../wire/sse-events.ts";
import { type NativeEvent, silent } from "../dialect.ts";

const names = ["type", "delta", "content_block", "message", "usage", "error"].map((name) =>
  Buffer.from(name),
);
const messageNames = ["model", "usage"].map((name) => Buffer.from(name));
/** Of a block and of a piece of one, whatever its kind. */
const generatedNames = ["text", "thinking", "partial_json", "name"].map((name) =>
  Buffer.from(name),
);

const messageStop = Buffer.from('"message_stop"');
const quote = 0x22;
const openBrace = 0x7b;

const done: NativeEvent = { ...silent, isDone: true };
const failed: NativeEvent = { ...silent, isError: true };

/** Reads the events of one stream in place, without parsing them. What the model generated is added to `text`. */
export class StreamReader {
  /** A stream reports at its start what went in, and at its end the totals, without those that did not change. */
  #reported: unknown;

  read(bytes: Buffer, event: Span, text: EscapedText): NativeEvent {
    const payload = dataOf(bytes, event);
    if (bytes[payload.start] !== openBrace) return silent;
    const [type, delta, block, message, usage, error] = findMembers(bytes, payload, names);
    if (error && isTold(bytes, error)) return failed;
    if (type && isValue(bytes, type, messageStop)) return done;
    if (message) return this.#readMessage(bytes, message);
    if (usage) return { ...silent, usage: this.#readUsage(bytes, usage) };
    const generated = delta ?? block;
    if (generated) addGenerated(bytes, generated, text);
    return silent;
  }

  #readMessage(bytes: Buffer, message: Span): NativeEvent {
    const [model, usage] = findMembers(bytes, message, messageNames);
    return {
      ...silent,
      model,
      usage: usage && this.#readUsage(bytes, usage),
      isUsageSoFar: true,
    };
  }

  #readUsage(bytes: Buffer, { start, end }: Span): Usage | undefined {
    this.#reported = mergeAnthropicUsage(
      this.#reported,
      parseJson(bytes.toString("utf8", start, end)),
    );
    return readAnthropicUsage(this.#reported);
  }
}

/** An object, or a text: never null. */
function isTold(bytes: Buffer, { start }: Span): boolean {
  return bytes[start] === openBrace || bytes[start] === quote;
}

function addGenerated(bytes: Buffer, within: Span, text: EscapedText): void {
  for (const span of findMembers(bytes, within, generatedNames))
    if (span && bytes[span.start] === quote) text.add(bytes, span.start + 1, span.end - 1);
}
