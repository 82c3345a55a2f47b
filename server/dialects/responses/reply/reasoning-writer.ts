import type { ThinkingBlock } from "../../../../shared/openai/chat.ts";
import { type EventLog, placeOf } from "./event-log.ts";
import type { ReasoningItem } from "./output-items.ts";
import { sealThoughts } from "../sealed-thoughts.ts";

/**
 * Writes one thought: what may be shown as the one part of a summary, which is where clients look, and what its provider wants
 * to see again sealed.
 */
export class ReasoningWriter {
  readonly kind = "reasoning";
  readonly #log: EventLog;
  readonly #seals: boolean;
  readonly #id: string;
  readonly #place: string;
  readonly #partPlace: string;
  readonly #calls: [id: string, signature: string][] = [];
  #block: ThinkingBlock | undefined;
  #text: string | undefined;

  /** @param seals false: the client has not asked for sealed thoughts, and gets none */
  constructor(log: EventLog, seals: boolean) {
    this.#log = log;
    this.#seals = seals;
    this.#id = log.nextId("rs");
    this.#place = placeOf(this.#id, log.output.length);
    this.#partPlace = `${this.#place},"summary_index":0`;
  }

  /** What is sealed has been said in full: the next thought is another one. */
  get isSealed(): boolean {
    return this.#block !== undefined;
  }

  open(): string {
    return this.#log.added(this.#item(undefined));
  }

  write(text: string): string {
    const opened = this.#text === undefined ? this.#openPart() : "";
    this.#text = (this.#text ?? "") + text;
    const delta = `${this.#partPlace},"delta":${JSON.stringify(text)}`;
    return opened + this.#log.event("response.reasoning_summary_text.delta", delta);
  }

  sign(signature: string): void {
    this.#block = { type: "thinking", thinking: this.#text ?? "", signature };
  }

  redact(data: string): void {
    this.#block = { type: "redacted_thinking", data };
  }

  signCall(id: string, signature: string): void {
    this.#calls.push([id, signature]);
  }

  close(): string {
    return this.#closePart() + this.#log.done(this.#item(this.#sealed()));
  }

  #sealed(): string | undefined {
    if (!this.#seals || (!this.#block && this.#calls.length === 0)) return undefined;
    return sealThoughts(this.#block ? [this.#block] : [], this.#calls);
  }

  #openPart(): string {
    return this.#log.event(
      "response.reasoning_summary_part.added",
      `${this.#partPlace},"part":{"type":"summary_text","text":""}`,
    );
  }

  #closePart(): string {
    if (this.#text === undefined) return "";
    const text = JSON.stringify(this.#text);
    return (
      this.#log.event("response.reasoning_summary_text.done", `${this.#partPlace},"text":${text}`) +
      this.#log.event(
        "response.reasoning_summary_part.done",
        `${this.#partPlace},"part":{"type":"summary_text","text":${text}}`,
      )
    );
  }

  #item(sealed: string | undefined): ReasoningItem {
    const text = this.#text;
    return {
      id: this.#id,
      type: "reasoning",
      summary: text === undefined ? [] : [{ type: "summary_text", text }],
      ...(sealed !== undefined && { encrypted_content: sealed }),
    };
  }
}
