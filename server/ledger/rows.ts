/**
 * Rows on their way to the database, as JSON objects, one behind the other in one piece of memory outside the heap:
 * thousands of them wait half a second for their flush, which the garbage collector would have to carry along.
 */
export class Rows {
  #bytes = Buffer.allocUnsafeSlow(64 * 1024);
  /** Where each ends, its comma included. */
  readonly #ends: number[] = [];
  #length = 0;

  static from(objects: Iterable<Buffer>): Rows {
    const rows = new Rows();
    for (const json of objects) rows.append(json);
    return rows;
  }

  get count(): number {
    return this.#ends.length;
  }

  /** Bytes of memory that they take, or may take without more of it. */
  get capacity(): number {
    return this.#bytes.length;
  }

  append(json: Buffer): void {
    this.#reserve(json.length + 1);
    this.#bytes.set(json, this.#length);
    this.#length += json.length + 1;
    this.#bytes[this.#length - 1] = comma;
    this.#ends.push(this.#length);
  }

  /** Makes room for others: the memory stays. */
  clear(): void {
    this.#ends.length = 0;
    this.#length = 0;
  }

  /** Some of them, the last exclusive, with commas in between. */
  text(from: number, to: number): string {
    return this.#bytes.toString("utf8", this.#startOf(from), this.#startOf(to) - 1);
  }

  #startOf(index: number): number {
    return this.#ends[index - 1] ?? 0;
  }

  #reserve(bytes: number): void {
    if (this.#length + bytes <= this.#bytes.length) return;
    const larger = Buffer.allocUnsafeSlow(Math.max(this.#bytes.length * 2, this.#length + bytes));
    this.#bytes.copy(larger, 0, 0, this.#length);
    this.#bytes = larger;
  }
}

const comma = 0x2c;
