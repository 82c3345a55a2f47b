import { type Span, standsAt } from "./span.ts";

// Named here as in every file that walks bytes: V8 compiles a file's own constants into its code, and loads those of another
// for each byte anew. With one list of them for all, a chunk took a quarter longer.
const quote = 0x22;
const backslash = 0x5c;
const comma = 0x2c;
const colon = 0x3a;
const openBrace = 0x7b;
const closeBrace = 0x7d;
const openBracket = 0x5b;
const closeBracket = 0x5d;

const nothing = Buffer.alloc(0);
const unknown = -1;

/**
 * Goes through the members of JSON objects in their bytes. A cursor and not an iterator, to be used again for the next one: it
 * runs for every event of every stream, and allocates nothing on the way. Ends are exclusive; names are without their quotes.
 *
 * The walk is exact for valid JSON: it follows strings and nesting, so neither an escaped quote nor a `"model"` inside
 * a message can mislead it. It does not validate, and throws on nothing.
 */
export class Members {
  nameStart = 0;
  nameEnd = 0;
  valueStart = 0;
  #json: Buffer = nothing;
  #end = 0;
  /** Where the walk goes on; unknown while nobody has gone over the value. */
  #at = 0;
  /** A bit for each object gone into, 31 at most, the innermost lowest: whether it stands in a list. */
  #path = 0;
  #isEscaped = false;

  /** Goes to the first object at or behind a place. */
  of(json: Buffer, { start, end }: Span): this {
    this.#json = json;
    this.#end = end;
    this.#path = 0;
    let at = start;
    while (at < end && json[at] !== openBrace) at += 1;
    this.#at = at + 1;
    return this;
  }

  /**
   * Goes to the next member. False at the end of the object: the walk goes on behind the value that was gone into last, with the
   * members around it.
   */
  next(): boolean {
    const json = this.#json;
    const end = this.#end;
    let at = this.valueEnd;
    while (at < end && json[at] !== quote) {
      if (json[at] === closeBrace) {
        this.#leave(at + 1);
        return false;
      }
      at += 1;
    }
    if (at >= end) {
      this.#at = end;
      return false;
    }
    this.nameStart = at + 1;
    this.nameEnd = this.#nameEnd(this.nameStart);
    this.valueStart = skipToValue(json, Math.min(this.nameEnd + 1, end), end);
    this.#at = unknown;
    return true;
  }

  /**
   * Goes into the value, where it is an object, or a list of which the first is one: its members come next, once. The rest of a
   * list is passed over. To be called before `valueEnd`.
   */
  enter(): boolean {
    const json = this.#json;
    const isList = json[this.valueStart] === openBracket;
    const at = isList ? skipBlanks(json, this.valueStart + 1, this.#end) : this.valueStart;
    if (at >= this.#end || json[at] !== openBrace) return false;
    this.#at = at + 1;
    this.#path = (this.#path << 1) | Number(isList);
    return true;
  }

  get valueEnd(): number {
    if (this.#at === unknown) this.#at = skipValue(this.#json, this.valueStart, this.#end);
    return this.#at;
  }

  value(): Span {
    return { start: this.valueStart, end: this.valueEnd };
  }

  isNamed(name: Buffer): boolean {
    if (this.#isEscaped) return this.name() === name.toString();
    return (
      this.nameEnd - this.nameStart === name.length && standsAt(this.#json, this.nameStart, name)
    );
  }

  /** One that is written with escapes is the same name to a parser; where they are none of JSON's, it is as it stands. */
  name(): string {
    const raw = this.#json.toString("utf8", this.nameStart, this.nameEnd);
    return this.#isEscaped ? (unescaped(raw) ?? raw) : raw;
  }

  /** Whether its escapes, if it has any, are JSON's. */
  hasSoundName(): boolean {
    if (!this.#isEscaped) return true;
    return unescaped(this.#json.toString("utf8", this.nameStart, this.nameEnd)) !== undefined;
  }

  #nameEnd(start: number): number {
    const json = this.#json;
    this.#isEscaped = false;
    let at = start;
    while (at < this.#end && json[at] !== quote) {
      if (json[at] === backslash) this.#isEscaped = true;
      at += json[at] === backslash ? 2 : 1;
    }
    return at;
  }

  #leave(behind: number): void {
    const wasInList = (this.#path & 1) === 1;
    this.#path >>= 1;
    this.#at = wasInList ? skipNested(this.#json, behind, this.#end) : behind;
  }
}

function unescaped(raw: string): string | undefined {
  try {
    return JSON.parse(`"${raw}"`);
  } catch {
    return undefined;
  }
}

/** Up to this length a loop finds a quote sooner than a native search begins. */
const shortString = 24;

/** The place behind the closing quote of a string whose first character is at `at`. */
function stringEnd(json: Buffer, at: number, end: number): number {
  const near = Math.min(at + shortString, end);
  let place = at;
  while (place < near) {
    const byte = json[place];
    if (byte === quote) return place + 1;
    place += byte === backslash ? 2 : 1;
  }
  return longStringEnd(json, place, end);
}

/** From a place in a string that is not within an escape. A quote ends it unless an odd number of backslashes precedes. */
function longStringEnd(json: Buffer, at: number, end: number): number {
  let found = json.indexOf(quote, at);
  while (found !== -1 && found < end) {
    let first = found;
    while (first > at && json[first - 1] === backslash) first -= 1;
    if ((found - first) % 2 === 0) return found + 1;
    found = json.indexOf(quote, found + 1);
  }
  return end;
}

function skipToValue(json: Buffer, at: number, end: number): number {
  let place = at;
  while (place < end && (json[place] === colon || isBlank(json[place]))) place += 1;
  return place;
}

export function skipBlanks(json: Buffer, at: number, end: number): number {
  let place = at;
  while (place < end && isBlank(json[place])) place += 1;
  return place;
}

export function isBlank(byte: number | undefined): boolean {
  return byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;
}

/** The place behind the value at `at`. */
export function skipValue(json: Buffer, at: number, end: number): number {
  const byte = json[at];
  if (byte === quote) return stringEnd(json, at + 1, end);
  if (byte === openBrace || byte === openBracket) return skipNested(json, at + 1, end);
  let place = at;
  while (place < end && !endsScalar(json[place])) place += 1;
  return place;
}

function endsScalar(byte: number | undefined): boolean {
  return (
    byte === comma ||
    byte === closeBrace ||
    byte === closeBracket ||
    byte === quote ||
    isBlank(byte)
  );
}

/** The place behind the bracket that ends what `at` is in: a counter, not recursion, so that no depth can exhaust the stack. */
function skipNested(json: Buffer, at: number, end: number): number {
  let place = at;
  let depth = 1;
  while (place < end && depth > 0) {
    const byte = json[place];
    if (byte === quote) {
      place = stringEnd(json, place + 1, end);
      continue;
    }
    if (byte === openBrace || byte === openBracket) depth += 1;
    else if (byte === closeBrace || byte === closeBracket) depth -= 1;
    place += 1;
  }
  return place;
}
