import { type EventLog, placeOf } from "./event-log.ts";
import type { ItemStatus, MessageItem, MessagePart } from "./output-items.ts";

type PartKind = "output_text" | "refusal";

/** Writes a message: its parts in turn, each of one kind. */
export class MessageWriter {
  readonly kind = "message";
  readonly #log: EventLog;
  readonly #id: string;
  readonly #place: string;
  readonly #content: MessagePart[] = [];
  #partKind: PartKind | undefined;
  #partPlace = "";
  #text = "";

  constructor(log: EventLog) {
    this.#log = log;
    this.#id = log.nextId("msg");
    this.#place = placeOf(this.#id, log.output.length);
  }

  open(): string {
    return this.#log.added(this.#item("in_progress"));
  }

  write(kind: PartKind, text: string): string {
    const opened = this.#partKind === kind ? "" : this.#closePart() + this.#openPart(kind);
    this.#text += text;
    const delta = `${this.#partPlace},"delta":${JSON.stringify(text)}`;
    return kind === "output_text"
      ? opened + this.#log.event("response.output_text.delta", `${delta},"logprobs":[]`)
      : opened + this.#log.event("response.refusal.delta", delta);
  }

  close(status: ItemStatus): string {
    return this.#closePart() + this.#log.done(this.#item(status));
  }

  #openPart(kind: PartKind): string {
    this.#partKind = kind;
    this.#partPlace = `${this.#place},"content_index":${this.#content.length}`;
    this.#text = "";
    const part = JSON.stringify(partOf(kind, ""));
    return this.#log.event("response.content_part.added", `${this.#partPlace},"part":${part}`);
  }

  #closePart(): string {
    const kind = this.#partKind;
    if (kind === undefined) return "";
    const part = partOf(kind, this.#text);
    const place = this.#partPlace;
    const text = JSON.stringify(this.#text);
    this.#content.push(part);
    this.#partKind = undefined;
    return (
      (kind === "output_text"
        ? this.#log.event("response.output_text.done", `${place},"text":${text},"logprobs":[]`)
        : this.#log.event("response.refusal.done", `${place},"refusal":${text}`)) +
      this.#log.event("response.content_part.done", `${place},"part":${JSON.stringify(part)}`)
    );
  }

  #item(status: ItemStatus): MessageItem {
    return { id: this.#id, type: "message", status, role: "assistant", content: this.#content };
  }
}

function partOf(kind: PartKind, text: string): MessagePart {
  return kind === "refusal"
    ? { type: "refusal", refusal: text }
    : { type: "output_text", text, annotations: [], logprobs: [] };
}
