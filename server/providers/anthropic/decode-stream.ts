import type { ModelEvent } from "../model-event.ts";
import { argumentsOf, openingEvents } from "./decode-block.ts";
import { errorEvent } from "./errors.ts";
import { type Fields, fieldsOf, isFields, textOf } from "../json.ts";
import { endingEvents } from "./stop-reason.ts";
import { mergeAnthropicUsage, readAnthropicUsage } from "./usage.ts";

/**
 * Reads one stream of the Messages API.
 *
 * Source: https://platform.claude.com/docs/en/build-with-claude/streaming
 */
export function createDecoder(): (data: unknown) => readonly ModelEvent[] {
  const decoder = new StreamDecoder();
  return (data) => decoder.decode(data);
}

/** A call whose block is open. */
interface OpenCall {
  readonly index: number;
  readonly block: Fields;
  hasArguments: boolean;
}

const nothing: readonly ModelEvent[] = [];

class StreamDecoder {
  /** By the index of the block in the message. */
  readonly #openCalls = new Map<unknown, OpenCall>();
  #callCount = 0;
  #usage: Fields = {};
  #isOver = false;

  decode(data: unknown): readonly ModelEvent[] {
    if (!isFields(data) || this.#isOver) return nothing;
    switch (data["type"]) {
      case "content_block_delta":
        return this.#continueBlock(data);
      case "content_block_start":
        return this.#openBlock(data);
      case "content_block_stop":
        return this.#closeBlock(data["index"]);
      case "message_start":
        return this.#start(fieldsOf(data["message"]));
      case "message_delta":
        return this.#end(data);
      case "error":
        this.#isOver = true;
        return [errorEvent(data)];
      default:
        return nothing;
    }
  }

  #start(message: Fields): readonly ModelEvent[] {
    const id = textOf(message["id"]);
    const usage = this.#readUsage(message["usage"]);
    return id === "" ? usage : [{ type: "start", id }, ...usage];
  }

  #continueBlock(data: Fields): readonly ModelEvent[] {
    const delta = data["delta"];
    if (!isFields(delta)) return nothing;
    switch (delta["type"]) {
      case "text_delta": {
        const text = textOf(delta["text"]);
        return text === "" ? nothing : [{ type: "text-delta", text }];
      }
      case "thinking_delta": {
        const text = textOf(delta["thinking"]);
        return text === "" ? nothing : [{ type: "reasoning-delta", text }];
      }
      case "signature_delta": {
        const signature = textOf(delta["signature"]);
        return signature === "" ? nothing : [{ type: "reasoning-signature", signature }];
      }
      case "input_json_delta":
        return this.#continueCall(data["index"], textOf(delta["partial_json"]));
      default:
        return nothing;
    }
  }

  /** Arguments of a tool that Anthropic runs itself belong to no call that is open here. */
  #continueCall(block: unknown, json: string): readonly ModelEvent[] {
    const call = this.#openCalls.get(block);
    if (call === undefined || json === "") return nothing;
    call.hasArguments = true;
    return [{ type: "tool-arguments-delta", index: call.index, json }];
  }

  #openBlock(data: Fields): readonly ModelEvent[] {
    const block = fieldsOf(data["content_block"]);
    const events = openingEvents(block, this.#callCount);
    if (block["type"] !== "tool_use") return events;
    this.#openCalls.set(data["index"], { index: this.#callCount, block, hasArguments: false });
    this.#callCount += 1;
    return events;
  }

  /** A call for which no arguments came has none, or had them from the beginning. */
  #closeBlock(index: unknown): readonly ModelEvent[] {
    const call = this.#openCalls.get(index);
    if (call === undefined) return nothing;
    this.#openCalls.delete(index);
    if (call.hasArguments) return nothing;
    return [{ type: "tool-arguments-delta", index: call.index, json: argumentsOf(call.block) }];
  }

  #end(data: Fields): readonly ModelEvent[] {
    const usage = this.#readUsage(data["usage"]);
    const ending = endingEvents(fieldsOf(data["delta"]));
    if (ending.length === 0) return usage;
    this.#isOver = true;
    const unclosed = [...this.#openCalls.keys()].flatMap((index) => this.#closeBlock(index));
    return [...unclosed, ...usage, ...ending];
  }

  #readUsage(reported: unknown): readonly ModelEvent[] {
    if (!isFields(reported)) return nothing;
    this.#usage = mergeAnthropicUsage(this.#usage, reported);
    const usage = readAnthropicUsage(this.#usage);
    return usage === undefined ? nothing : [{ type: "usage", usage }];
  }
}
