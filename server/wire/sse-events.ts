import { Buffer } from "node:buffer";
import { type Span, standsAt } from "./span.ts";

/**
 * Cuts a byte stream into whole server-sent events, each with the blank line that ends it. What of an event has not
 * arrived yet is kept; no client could have used it.
 *
 * Lines end in LF or CRLF. A lone CR, which the standard allows, is in no use among model providers.
 */
export class SseEvents {
  /** Pieces of one event, joined only when it ends: joining them as they come would copy a long event over and over. */
  #rest: Buffer[] = [];
  #restBytes = 0;
  /** The last bytes of what is kept, where a blank line may have begun. */
  #last: Buffer = empty;

  /**
   * Calls `visit` with the place of each event that these bytes complete, and returns the bytes that the places are in.
   *
   * @throws Error for an event that never ends
   */
  push(chunk: Buffer, visit: (bytes: Buffer, start: number, end: number) => void): Buffer {
    if (this.#rest.length > 0 && !this.#endsWith(chunk)) return this.#keep(chunk);
    const bytes = this.#rest.length === 0 ? chunk : Buffer.concat([...this.#rest, chunk]);
    let start = 0;
    while (start < bytes.length) {
      const end = eventEnd(bytes, start);
      if (end === -1) break;
      visit(bytes, start, end);
      start = end;
    }
    if (this.#rest.length > 0) this.#forget();
    if (start === bytes.length) return bytes;
    this.#keep(bytes.subarray(start));
    return bytes.subarray(0, start);
  }

  /** Whether a chunk brings the end of the event that is being kept. */
  #endsWith(chunk: Buffer): boolean {
    if (eventEnd(chunk, 0) !== -1) return true;
    return eventEnd(Buffer.concat([this.#last, chunk.subarray(0, blankLineBytes)]), 0) !== -1;
  }

  #keep(piece: Buffer): Buffer {
    this.#rest.push(piece);
    this.#restBytes += piece.length;
    const last = piece.length < blankLineBytes ? Buffer.concat([this.#last, piece]) : piece;
    this.#last = last.subarray(-blankLineBytes);
    if (this.#restBytes > maxEventBytes)
      throw new Error(`an event of more than ${maxEventBytes} bytes`);
    return empty;
  }

  #forget(): void {
    this.#rest = [];
    this.#restBytes = 0;
    this.#last = empty;
  }

  /** What is kept of an event that has not ended; empty where there is none. */
  get rest(): Buffer {
    return this.#rest.length === 0 ? empty : Buffer.concat(this.#rest);
  }
}

/** The data of an event: what follows `data:` on its line. Other fields and comments come before it, if at all. */
export function dataOf(bytes: Buffer, { start, end }: Span): Span {
  let line = start;
  while (!standsAt(bytes, line, data)) {
    line = bytes.indexOf(lineFeed, line) + 1;
    if (line === 0 || line >= end) return { start: end, end };
  }
  let at = line + data.length;
  while (at < end && (bytes[at] ?? 0) <= 0x20) at += 1;
  return { start: at, end };
}

const data = Buffer.from("data:");
/** The largest are images in base64. */
const maxEventBytes = 64 * 1024 * 1024;
/** The longest: `\n\r\n`. */
const blankLineBytes = 3;
const empty = Buffer.alloc(0);
const lineFeed = 0x0a;
const carriageReturn = 0x0d;

/** The place behind the first blank line; -1 when there is none yet. */
function eventEnd(bytes: Buffer, start: number): number {
  let at = bytes.indexOf(lineFeed, start);
  while (at !== -1) {
    if (bytes[at + 1] === lineFeed) return at + 2;
    if (bytes[at + 1] === carriageReturn && bytes[at + 2] === lineFeed) return at + 3;
    at = bytes.indexOf(lineFeed, at + 1);
  }
  return -1;
}
