import type { ToolCallStart } from "../../providers/model-event.ts";
import type { BlockWriter } from "./block-writer.ts";
import { toolUseId } from "./tool-use-id.ts";

interface Call {
  readonly start: ToolCallStart;
  json: string;
}

/**
 * Writes the calls of a reply one after the other, as a message has them. The calls of some upstreams come interleaved: one
 * that begins before the arguments of the one before it are whole waits until all have come.
 */
export class CallWriter {
  readonly #blocks: BlockWriter;
  #current: Call | undefined;
  readonly #waiting = new Map<number, Call>();

  constructor(blocks: BlockWriter) {
    this.#blocks = blocks;
  }

  begin(start: ToolCallStart): string {
    const call = { start, json: "" };
    const isFree = this.#waiting.size === 0 && (!this.#current || isWhole(this.#current.json));
    if (isFree) {
      this.#current = call;
      return this.#begin(start);
    }
    this.#waiting.set(start.index, call);
    return "";
  }

  addArguments(index: number, json: string): string {
    if (this.#current?.start.index === index) {
      this.#current.json += json;
      return this.#blocks.addArguments(json);
    }
    const waiting = this.#waiting.get(index);
    if (waiting) waiting.json += json;
    return "";
  }

  /** The calls that waited: nothing of any call follows. */
  end(): string {
    if (!this.#current) return "";
    this.#current = undefined;
    let text = "";
    for (const { start, json } of this.#waiting.values())
      text += this.#begin(start) + this.#blocks.addArguments(json);
    this.#waiting.clear();
    return text;
  }

  #begin({ id, name, thoughtSignature }: ToolCallStart): string {
    return this.#blocks.beginCall(toolUseId({ id, thoughtSignature }), name);
  }
}

function isWhole(json: string): boolean {
  try {
    JSON.parse(json);
    return true;
  } catch {
    return false;
  }
}
