/**
 * Finds and replaces the top-level members of a JSON object in its bytes, so that a body of which only the model name
 * changes is neither serialised again nor loses what a parse would lose (number formats, order, duplicate names).
 *
 * The walk is exact for valid JSON: it follows strings and nesting, so neither an escaped quote nor a `"model"` inside
 * a message can mislead it. It does not validate: where that matters, the bytes have been parsed before.
 */

const quote = 0x22;
const backslash = 0x5c;
const comma = 0x2c;
const colon = 0x3a;
const openBrace = 0x7b;
const closeBrace = 0x7d;
const openBracket = 0x5b;
const closeBracket = 0x5d;

/** A member's place: its name without quotes, and its value. Ends are exclusive. */
interface Member {
  readonly nameStart: number;
  readonly nameEnd: number;
  readonly valueStart: number;
  readonly valueEnd: number;
}

type Visit = (nameStart: number, nameEnd: number, valueStart: number, valueEnd: number) => void;

/** Where a value stands in the bytes; the end is exclusive. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

/** The values of the members named, in the order of `names`: the last one where a name repeats, as a parse has it. */
export function findMembers(json: Buffer, within: Span, names: readonly Buffer[]): (Span | undefined)[] {
  const found: (Span | undefined)[] = names.map(() => undefined);
  walk(json, within, (nameStart, nameEnd, start, end) => {
    for (let index = 0; index < names.length; index += 1) {
      const name = names[index];
      if (name !== undefined && isName(json, nameStart, nameEnd, name)) found[index] = { start, end };
    }
  });
  return found;
}

/**
 * A copy of the object with members set or, where the edit is null, removed. A name that is not there is added;
 * every occurrence of one that repeats is changed, so that no reader can see the old value.
 */
export function editMembers(json: Buffer, edits: ReadonlyMap<string, Buffer | null>): Buffer {
  const members = membersOf(json);
  const pieces: Buffer[] = [];
  const added = new Map(edits);
  let isFirst = true;
  for (const member of members) {
    const name = nameOf(json, member);
    const edit = edits.get(name);
    added.delete(name);
    if (edit === null) continue;
    pieces.push(isFirst ? braceBytes : commaBytes);
    isFirst = false;
    if (edit === undefined) pieces.push(json.subarray(member.nameStart - 1, member.valueEnd));
    else pieces.push(json.subarray(member.nameStart - 1, member.valueStart), edit);
  }
  for (const [name, value] of added) {
    if (value === null) continue;
    pieces.push(isFirst ? braceBytes : commaBytes, Buffer.from(`${JSON.stringify(name)}:`), value);
    isFirst = false;
  }
  pieces.push(isFirst ? emptyBytes : closeBytes);
  return Buffer.concat(pieces);
}

const braceBytes = Buffer.from("{");
const commaBytes = Buffer.from(",");
const closeBytes = Buffer.from("}");
const emptyBytes = Buffer.from("{}");

function membersOf(json: Buffer): Member[] {
  const members: Member[] = [];
  walk(json, { start: 0, end: json.length }, (nameStart, nameEnd, valueStart, valueEnd) => {
    members.push({ nameStart, nameEnd, valueStart, valueEnd });
  });
  return members;
}

function nameOf(json: Buffer, { nameStart, nameEnd }: Member): string {
  const raw = json.toString("utf8", nameStart, nameEnd);
  return raw.includes("\\") ? JSON.parse(`"${raw}"`) : raw;
}

/** Whether a member bears a name. One that is written with escapes is the same name to a parser. */
function isName(json: Buffer, start: number, end: number, name: Buffer): boolean {
  if (end - start === name.length) return name.compare(json, start, end) === 0;
  if (end - start < name.length || json.subarray(start, end).indexOf(backslash) === -1) return false;
  return JSON.parse(json.toString("utf8", start - 1, end + 1)) === name.toString();
}

function walk(json: Buffer, { start, end }: Span, visit: Visit): void {
  let at = json.indexOf(openBrace, start) + 1;
  while (at > 0 && at < end) {
    const byte = json[at];
    if (byte === closeBrace) return;
    if (byte !== quote) {
      at += 1;
      continue;
    }
    const nameStart = at + 1;
    const nameEnd = stringEnd(json, nameStart, end) - 1;
    const valueStart = skipToValue(json, nameEnd + 1, end);
    const valueEnd = skipValue(json, valueStart, end);
    visit(nameStart, nameEnd, valueStart, valueEnd);
    at = valueEnd;
  }
}

/** The place behind the closing quote of a string whose first character is at `at`. */
function stringEnd(json: Buffer, at: number, end: number): number {
  let place = at;
  while (place < end) {
    const byte = json[place];
    if (byte === quote) return place + 1;
    place += byte === backslash ? 2 : 1;
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
