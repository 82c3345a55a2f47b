import type { Usage } from "../../../shared/spend.ts";
import { errorBodyOf, type GatewayError } from "../../errors.ts";
import type { FinishReason, ModelEvent } from "../../providers/model-event.ts";
import type { ReplyHead, StreamEncoder } from "../dialect.ts";
import { finishReasons } from "./finish-reason.ts";
import { encodeCall, encodeImage } from "./pieces.ts";
import { encodeUsage } from "./usage.ts";

const endOfChunk = ',"finish_reason":null}]}\n\n';

export function createEncoder(head: ReplyHead): StreamEncoder {
  return new ChunkEncoder(head);
}

/** Writes `chat.completion.chunk`s: for each piece one, by joining text, since serialising an object costs three times that. */
class ChunkEncoder implements StreamEncoder {
  /** Up to the value of `choices`. */
  readonly #start: string;
  readonly #showsUsage: boolean;
  #hasRole = false;
  #thinking = "";
  #usage: Usage | undefined;
  #reason: FinishReason = "stop";

  constructor({ id, model, createdAtMs, request }: ReplyHead) {
    const created = Math.floor(createdAtMs / 1000);
    this.#start = `data: {"id":"chatcmpl-${id}","object":"chat.completion.chunk","created":${created},"model":${JSON.stringify(model)},"choices":`;
    const options = request["stream_options"] as { include_usage?: unknown } | null | undefined;
    this.#showsUsage = options?.include_usage === true;
  }

  encode(event: ModelEvent): string {
    switch (event.type) {
      case "text-delta":
        return this.#delta(`"content":${JSON.stringify(event.text)}`);
      case "refusal-delta":
        return this.#delta(`"refusal":${JSON.stringify(event.text)}`);
      case "reasoning-delta":
        this.#thinking += event.text;
        return this.#delta(`"reasoning_content":${JSON.stringify(event.text)}`);
      case "reasoning-signature":
        return this.#thinkingBlock({
          type: "thinking",
          thinking: this.#thinking,
          signature: event.signature,
        });
      case "reasoning-redacted":
        return this.#thinkingBlock({ type: "redacted_thinking", data: event.data });
      case "tool-call":
        return this.#delta(
          `"tool_calls":[${JSON.stringify({ index: event.index, ...encodeCall(event, "") })}]`,
        );
      case "tool-arguments-delta":
        return this.#delta(
          `"tool_calls":[{"index":${event.index},"function":{"arguments":${JSON.stringify(event.json)}}}]`,
        );
      case "image":
        return this.#delta(`"images":[${JSON.stringify(encodeImage(event))}]`);
      case "usage":
        this.#usage = event.usage;
        return "";
      case "finish":
        this.#reason = event.reason;
        return "";
      case "start":
      case "error":
        return "";
    }
  }

  end(): string {
    const last = `${this.#start}[{"index":0,"delta":{${this.#role("")}},"finish_reason":"${finishReasons[this.#reason]}"}]}\n\n`;
    const usage =
      this.#showsUsage && this.#usage
        ? `${this.#start}[],"usage":${JSON.stringify(encodeUsage(this.#usage))}}\n\n`
        : "";
    return `${last}${usage}data: [DONE]\n\n`;
  }

  fail(error: GatewayError): string {
    return `data: ${JSON.stringify(errorBodyOf(error))}\n\n`;
  }

  #delta(members: string): string {
    return `${this.#start}[{"index":0,"delta":{${this.#role(members)}}${endOfChunk}`;
  }

  /** The first delta of a reply says whose it is. */
  #role(members: string): string {
    if (this.#hasRole) return members;
    this.#hasRole = true;
    return members === "" ? '"role":"assistant"' : `"role":"assistant",${members}`;
  }

  /** Whole, at its end: a signature is good for all of its thought. */
  #thinkingBlock(block: object): string {
    this.#thinking = "";
    return this.#delta(`"thinking_blocks":[${JSON.stringify(block)}]`);
  }
}
