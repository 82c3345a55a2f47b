/**
 * Finds and replaces the top-level members of a JSON object in its bytes, so that a body of which only the model name
 * changes is neither serialised again nor loses what a parse would lose (number formats, order, duplicate names).
 *
 * The walk is exact for valid JSON: it follows strings and nesting, so neither an escaped quote nor a `"model"` inside
 * a message can mislead it. It does not validate, and throws on nothing: where it matters, the bytes have been parsed
 * before, or the walk is the one of `findMembersOfWhole`.
 */

const quote = 0x22;
const backslash = 0x5c;
const comma = 0x2c;
const colon = 0x3a;
const openBrace = 0x7b;
const closeBrace = 0x7d;
const openBracket = 0x5b;
const closeBracket = 0x5d;

/** Where a value stands in the bytes; the end is exclusive. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

/** The values of the members named, in the order of `names`: the last one where a name repeats, as a parse has it. */
export function findMembers(
  json: Buffer,
  within: Span,
  names: readonly Buffer[],
): (Span | undefined)[] {
  const found: (Span | undefined)[] = [];
  const members = new Members().enter(json, within);
  while (members.next()) noteMember(members, names, found);
  return found;
}

/**
 * The same of bytes that nobody has parsed: undefined unless they are one object, with nothing around it, whose members
 * are names with a colon, a value and a comma in between. What stands inside a value is not looked at.
 */
export function findMembersOfWhole(
  json: Buffer,
  names: readonly Buffer[],
): (Span | undefined)[] | undefined {
  const found: (Span | undefined)[] = [];
  const members = new Members().enter(json, { start: 0, end: json.length });
  let behind = 0;
  let mark = openBrace;
  while (members.next()) {
    const { nameStart, nameEnd, valueStart, valueEnd } = members;
    const isSound =
      isOnlyMark(json, mark, behind, nameStart - 1) &&
      members.hasSoundName() &&
      isOnlyMark(json, colon, nameEnd + 1, valueStart) &&
      valueEnd > valueStart;
    if (!isSound) return undefined;
    noteMember(members, names, found);
    behind = valueEnd;
    mark = comma;
  }
  return isOnlyMark(json, closeBrace, behind, json.length) ? found : undefined;
}

function noteMember(members: Members, names: readonly Buffer[], found: (Span | undefined)[]): void {
  for (let index = 0; index < names.length; index += 1) {
    const name = names[index];
    if (name !== undefined && members.isNamed(name)) found[index] = members.value();
  }
}

/** Whether a mark stands somewhere between two places, once, among nothing but blanks. */
function isOnlyMark(json: Buffer, mark: number, start: number, end: number): boolean {
  let marks = 0;
  for (let at = start; at < end; at += 1) {
    const byte = json[at];
    if (byte === mark) marks += 1;
    else if (!isBlank(byte)) return false;
  }
  return marks === 1;
}

/**
 * A copy of the object with members set or, where the edit is null, removed. A name that is not there is added;
 * every occurrence of one that repeats is changed, so that no reader can see the old value.
 */
export function editMembers(json: Buffer, edits: ReadonlyMap<string, Buffer | null>): Buffer {
  const pieces: Buffer[] = [];
  const added = new Map(edits);
  const members = new Members().enter(json, { start: 0, end: json.length });
  let kept: Span | undefined;
  const keep = ({ start, end }: Span) =>
    pieces.push(pieces.length === 0 ? braceBytes : commaBytes, json.subarray(start, end));
  while (members.next()) {
    const name = members.name();
    const edit = edits.get(name);
    added.delete(name);
    const start = kept?.start ?? members.nameStart - 1;
    if (edit === undefined) {
      kept = { start, end: members.valueEnd };
    } else if (edit === null) {
      if (kept) keep(kept);
      kept = undefined;
    } else {
      keep({ start, end: members.valueStart });
      pieces.push(edit);
      kept = undefined;
    }
  }
  if (kept) keep(kept);
  for (const [name, value] of added)
    if (value !== null)
      pieces.push(
        pieces.length === 0 ? braceBytes : commaBytes,
        Buffer.from(`${JSON.stringify(name)}:`),
        value,
      );
  return pieces.length === 0 ? Buffer.from("{}") : Buffer.concat([...pieces, closeBytes]);
}

/**
 * The object with another value in every member of a name, so that no reader can see the old one: the same bytes where
 * nothing is to change. A name that is not there is not added.
 */
export function replaceMember(json: Buffer, name: Buffer, value: Buffer): Buffer {
  const pieces: Buffer[] = [];
  let copied = 0;
  const members = new Members().enter(json, { start: 0, end: json.length });
  while (members.next()) {
    if (!members.isNamed(name)) continue;
    const { start, end } = members.value();
    if (isValue(json, { start, end }, value)) continue;
    pieces.push(json.subarray(copied, start), value);
    copied = end;
  }
  if (copied === 0) return json;
  pieces.push(json.subarray(copied));
  return Buffer.concat(pieces);
}

/** How many values an array holds; 0 where it is none. */
export function countItems(json: Buffer, { start, end }: Span): number {
  if (json[start] !== openBracket) return 0;
  let items = 0;
  let at = start + 1;
  while (at < end) {
    while (at < end && (json[at] === comma || isBlank(json[at]))) at += 1;
    if (at >= end || json[at] === closeBracket) break;
    const behind = skipValue(json, at, end);
    if (behind === at) break;
    items += 1;
    at = behind;
  }
  return items;
}

/** Whether bytes stand at a place. One by one, because they are too few for a native comparison to earn its call. */
export function standsAt(bytes: Buffer, start: number, wanted: Buffer): boolean {
  for (let at = 0; at < wanted.length; at += 1) if (bytes[start + at] !== wanted[at]) return false;
  return true;
}

/** Whether a value is, byte for byte, the one wanted. */
export function isValue(bytes: Buffer, { start, end }: Span, wanted: Buffer): boolean {
  return end - start === wanted.length && standsAt(bytes, start, wanted);
}

const braceBytes = Buffer.from("{");
const commaBytes = Buffer.from(",");
const closeBytes = Buffer.from("}");
const nothing = Buffer.alloc(0);

/**
 * Goes through the members of an object. A cursor and not an iterator, to be used again for the next one: it runs for every
 * event of every stream, and allocates nothing on the way. Ends are exclusive; names are without their quotes.
 */
export class Members {
  nameStart = 0;
  nameEnd = 0;
  valueStart = 0;
  valueEnd = 0;
  #json: Buffer = nothing;
  #end = 0;
  #at = 0;
  #isEscaped = false;

  /** Goes to the first object at or behind a place. */
  enter(json: Buffer, { start, end }: Span): this {
    this.#json = json;
    this.#end = end;
    let at = start;
    while (at < end && json[at] !== openBrace) at += 1;
    this.#at = at + 1;
    return this;
  }

  /** Goes to the next member; false where there is none. */
  next(): boolean {
    const json = this.#json;
    const end = this.#end;
    let at = this.#at;
    while (at < end && json[at] !== quote) {
      if (json[at] === closeBrace) return false;
      at += 1;
    }
    if (at >= end) return false;
    this.nameStart = at + 1;
    this.nameEnd = this.#nameEnd(this.nameStart);
    this.valueStart = skipToValue(json, this.nameEnd + 1, end);
    this.valueEnd = skipValue(json, this.valueStart, end);
    this.#at = this.valueEnd;
    return true;
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
  while (place < end && isBlankOrColon(json[place])) place += 1;
  return place;
}

function isBlankOrColon(byte: number | undefined): boolean {
  return byte === colon || isBlank(byte);
}

function isBlank(byte: number | undefined): boolean {
  return byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;
}

/** The place behind the value at `at`: a counter of nesting, not recursion, so that no depth of it can exhaust the stack. */
function skipValue(json: Buffer, at: number, end: number): number {
  let place = at;
  let depth = 0;
  while (place < end) {
    const byte = json[place];
    if (byte === quote) {
      place = stringEnd(json, place + 1, end);
      if (depth === 0) return place;
      continue;
    }
    if (byte === openBrace || byte === openBracket) depth += 1;
    else if (byte === closeBrace || byte === closeBracket) {
      if (depth === 0) return place;
      depth -= 1;
      if (depth === 0) return place + 1;
    } else if (depth === 0 && (byte === comma || isBlank(byte))) return place;
    place += 1;
  }
  return end;
}
