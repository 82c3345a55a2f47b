import { crc32 } from "node:zlib";

/**
 * What a line of a journal says: whose it is (`H`, the first of a file), a rate card that attempts refer to (`C`), an
 * attempt that is about to leave (`O`), one that has ended (`S`).
 */
export type LineKind = "H" | "C" | "O" | "S";

export interface Line {
  readonly kind: LineKind;
  /** A JSON object. */
  readonly json: Buffer;
}

/** The kind, eight hexadecimal digits of a CRC-32, JSON, a line feed. */
const headLength = 9;
const lineFeed = 10;

const kinds: ReadonlyMap<number, LineKind> = new Map(
  (["H", "C", "O", "S"] as const).map((kind) => [kind.charCodeAt(0), kind]),
);

/** Lines on their way to a file, in one piece of memory outside the heap. */
export class LineBuffer {
  #bytes = Buffer.allocUnsafeSlow(64 * 1024);
  #length = 0;

  get length(): number {
    return this.#length;
  }

  /** @returns the JSON as it stands there, until the next append */
  append(kind: LineKind, json: string): Buffer {
    // Three bytes are the most that a UTF-16 unit takes in UTF-8.
    this.#reserve(headLength + json.length * 3 + 1);
    const start = this.#length + headLength;
    const end = start + this.#bytes.write(json, start);
    const written = this.#bytes.subarray(start, end);
    const code = kind.charCodeAt(0);
    this.#bytes[this.#length] = code;
    writeHex(this.#bytes, checksum(code, written), this.#length + 1);
    this.#bytes[end] = lineFeed;
    this.#length = end + 1;
    return written;
  }

  /** What was appended, until the next append. */
  peek(): Buffer {
    return this.#bytes.subarray(0, this.#length);
  }

  clear(): void {
    this.#length = 0;
  }

  /** Drops the lines of a kind. */
  remove(kind: LineKind): void {
    const kept = readLines(this.peek()).lines.filter((line) => line.kind !== kind);
    const texts = kept.map((line) => ({ kind: line.kind, json: line.json.toString() }));
    this.clear();
    for (const line of texts) this.append(line.kind, line.json);
  }

  #reserve(bytes: number): void {
    if (this.#length + bytes <= this.#bytes.length) return;
    const larger = Buffer.allocUnsafeSlow(Math.max(this.#bytes.length * 2, this.#length + bytes));
    this.#bytes.copy(larger, 0, 0, this.#length);
    this.#bytes = larger;
  }
}

export interface Reading {
  readonly lines: readonly Line[];
  /**
   * `torn`: the last line has no end, as after a process that was killed while it wrote. `corrupt`: a line is not what
   * was written, and nothing after it can be believed.
   */
  readonly end: "whole" | "torn" | "corrupt";
}

/** The lines of a file, as far as they are what was written. */
export function readLines(bytes: Buffer): Reading {
  const lines: Line[] = [];
  let start = 0;
  while (start < bytes.length) {
    const end = bytes.indexOf(lineFeed, start);
    if (end === -1) return { lines, end: "torn" };
    const line = readLine(bytes.subarray(start, end));
    if (!line) return { lines, end: "corrupt" };
    lines.push(line);
    start = end + 1;
  }
  return { lines, end: "whole" };
}

function readLine(bytes: Buffer): Line | undefined {
  const code = bytes[0] ?? 0;
  const kind = kinds.get(code);
  const json = bytes.subarray(headLength);
  if (!kind || bytes.length <= headLength) return undefined;
  return hasHex(bytes, checksum(code, json), 1) ? { kind, json } : undefined;
}

/** Begins with the kind: `C` and `S` are one bit apart, and an attempt must not be taken for a rate card. */
function checksum(code: number, json: Buffer): number {
  return crc32(json, code);
}

const digits = Buffer.from("0123456789abcdef");

function writeHex(bytes: Buffer, value: number, at: number): void {
  for (let place = 0; place < 8; place += 1) bytes[at + place] = digitOf(value, place);
}

/** To the letter: a parser of numbers takes capitals and signs for the same digits. */
function hasHex(bytes: Buffer, value: number, at: number): boolean {
  for (let place = 0; place < 8; place += 1)
    if (bytes[at + place] !== digitOf(value, place)) return false;
  return true;
}

function digitOf(value: number, place: number): number {
  return digits[(value >>> (28 - 4 * place)) & 15] ?? 0;
}
