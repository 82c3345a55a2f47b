import type { GatewayError } from "../../errors.ts";
import type { ModelEvent } from "../../providers/model-event.ts";
import type { ReplyHead, StreamEncoder } from "../dialect.ts";
import { BlockWriter } from "./block-writer.ts";
import { CallWriter } from "./call-writer.ts";
import { emptyUsage, Ending } from "./ending.ts";
import { errorBody } from "./error-body.ts";

/**
 * Writes one reply as the events of Anthropic's stream. Images are left out: the format has none in an answer. What an
 * upstream calls its reply is left out too: the gateway's id is the one in its log.
 *
 * Source: https://platform.claude.com/docs/en/build-with-claude/streaming
 */
export class MessageEncoder implements StreamEncoder {
  readonly #head: ReplyHead;
  readonly #blocks = new BlockWriter();
  readonly #calls = new CallWriter(this.#blocks);
  readonly #ending = new Ending();
  #hasStarted = false;

  constructor(head: ReplyHead) {
    this.#head = head;
  }

  encode(event: ModelEvent): string {
    return this.#start() + this.#write(event);
  }

  end(): string {
    const usage = this.#ending.usage(this.#head.promptTokens);
    const last = { type: "message_delta", delta: this.#ending.stop, usage };
    return (
      this.#start() +
      this.#calls.end() +
      this.#blocks.close() +
      `event: message_delta\ndata: ${JSON.stringify(last)}\n\n` +
      'event: message_stop\ndata: {"type":"message_stop"}\n\n'
    );
  }

  fail(error: GatewayError): string {
    return `event: error\ndata: ${JSON.stringify(errorBody(error))}\n\n`;
  }

  #start(): string {
    if (this.#hasStarted) return "";
    this.#hasStarted = true;
    const message = messageOf(this.#head);
    return `event: message_start\ndata: ${JSON.stringify({ type: "message_start", message })}\n\n`;
  }

  #write(event: ModelEvent): string {
    switch (event.type) {
      case "text-delta":
        return this.#say("text", event.text);
      case "refusal-delta":
        this.#ending.note(event);
        return this.#say("text", event.text);
      case "reasoning-delta":
        return this.#say("thinking", event.text);
      case "reasoning-signature":
        return this.#calls.end() + this.#blocks.sign(event.signature);
      case "reasoning-redacted":
        return this.#calls.end() + this.#blocks.addRedacted(event.data);
      case "tool-call":
        this.#ending.note(event);
        return this.#calls.begin(event);
      case "tool-arguments-delta":
        return this.#calls.addArguments(event.index, event.json);
      case "usage":
      case "finish":
        this.#ending.note(event);
        return "";
      case "start":
      case "image":
      case "error":
        return "";
    }
  }

  /** Nothing said is nothing at all: some upstreams have an empty text beside each piece of a call. */
  #say(kind: "text" | "thinking", text: string): string {
    return text === "" ? "" : this.#calls.end() + this.#blocks.add(kind, text);
  }
}

/** A message that has only begun. */
function messageOf({ id, model, promptTokens }: ReplyHead) {
  return {
    id: `msg_${id}`,
    type: "message",
    role: "assistant",
    model,
    content: [],
    stop_reason: null,
    stop_sequence: null,
    stop_details: null,
    usage: emptyUsage(promptTokens),
  };
}
