import type { OutputItem } from "./output-items.ts";

/** Writes the events of one reply, numbered, and keeps the items that are finished. */
export class EventLog {
  readonly output: OutputItem[] = [];
  readonly #id: string;
  #sequence = 0;

  /** @param id of the reply, without a prefix */
  constructor(id: string) {
    this.#id = id;
  }

  /** @param members of the event beside its type and number: JSON without its braces */
  event(type: string, members: string): string {
    const sequence = this.#sequence;
    this.#sequence += 1;
    return `event: ${type}\ndata: {"type":"${type}","sequence_number":${sequence},${members}}\n\n`;
  }

  /** The id of the item that is next in the output: items follow each other, one at a time. */
  nextId(prefix: string): string {
    return `${prefix}_${this.#id}_${this.output.length}`;
  }

  added(item: OutputItem): string {
    return this.event("response.output_item.added", this.#itemMembers(item));
  }

  done(item: OutputItem): string {
    const text = this.event("response.output_item.done", this.#itemMembers(item));
    this.output.push(item);
    return text;
  }

  #itemMembers(item: OutputItem): string {
    return `"output_index":${this.output.length},"item":${JSON.stringify(item)}`;
  }
}

/** Where a piece belongs, as its event says it. */
export function placeOf(itemId: string, outputIndex: number): string {
  return `"item_id":${JSON.stringify(itemId)},"output_index":${outputIndex}`;
}
