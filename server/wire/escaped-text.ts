const quote = 0x22;
const firstCapacity = 256;

/**
 * Collects the insides of JSON strings and reads them as one. Bytes are copied, not decoded: text is wanted only of
 * the few streams whose upstream reports no usage. Escapes that were cut between two pieces are whole again.
 */
export class EscapedText {
  #bytes = Buffer.allocUnsafeSlow(firstCapacity);
  #length = 0;

  add(source: Buffer, start: number, end: number): void {
    const length = end - start;
    if (this.#length + length > this.#bytes.length) this.#grow(this.#length + length);
    const bytes = this.#bytes;
    const shift = this.#length - start;
    for (let at = start; at < end; at += 1) bytes[shift + at] = source[at] ?? quote;
    this.#length += length;
  }

  toString(): string {
    const escaped = this.#bytes.toString("utf8", 0, this.#length);
    try {
      return JSON.parse(`"${escaped}"`);
    } catch {
      return escaped;
    }
  }

  #grow(needed: number): void {
    const larger = Buffer.allocUnsafeSlow(Math.max(needed, this.#bytes.length * 2));
    this.#bytes.copy(larger, 0, 0, this.#length);
    this.#bytes = larger;
  }
}
