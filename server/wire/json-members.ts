import { Buffer } from "node:buffer";
import { isBlank, Members, skipValue } from "./members.ts";
import { isValue, type Span } from "./span.ts";

/**
 * Finds and replaces the top-level members of a JSON object in its bytes, so that a body of which only the model name
 * changes is neither serialised again nor loses what a parse would lose (number formats, order, duplicate names).
 *
 * Nothing is validated: where that matters, the bytes have been parsed before, or the walk is the one of `findMembersOfWhole`.
 */

const comma = 0x2c;
const colon = 0x3a;
const openBrace = 0x7b;
const closeBrace = 0x7d;
const openBracket = 0x5b;
const closeBracket = 0x5d;

/** The values of the members named, in the order of `names`: the last one where a name repeats, as a parse has it. */
export function findMembers(
  json: Buffer,
  within: Span,
  names: readonly Buffer[],
): (Span | undefined)[] {
  const found: (Span | undefined)[] = [];
  const members = new Members().of(json, within);
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
  const members = new Members().of(json, { start: 0, end: json.length });
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
  const members = new Members().of(json, { start: 0, end: json.length });
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
  const members = new Members().of(json, { start: 0, end: json.length });
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

const braceBytes = Buffer.from("{");
const commaBytes = Buffer.from(",");
const closeBytes = Buffer.from("}");
