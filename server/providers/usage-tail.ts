import type { Usage } from "../../shared/spend.ts";
import { readUsage } from "./usage.ts";

/** Room for what follows the generated text; a longer search backwards would be lost where usage comes first. */
const windowBytes = 2_048;

const quote = 0x22;
const comma = 0x2c;
const colon = 0x3a;
const openBracket = 0x5b;
const backslash = 0x5c;
const closeBracket = 0x5d;
const openBrace = 0x7b;
const closeBrace = 0x7d;
const usageKey = Buffer.from("usage");

/**
 * Reads the top-level `usage` of a whole JSON reply, as `readUsage(JSON.parse(body).usage)` does, without parsing the rest.
 * `undefined` when there is none, or the body is no JSON object.
 *
 * The walk goes backwards from the last brace, where no string can be open. That is exact: inside a string every quote
 * has a backslash before it, and an opening quote never has. The first `usage` met is the one that JSON.parse would
 * keep of several. Whatever is not found within the window is parsed whole.
 */
export function usageFromTail(body: Buffer): Usage | undefined {
  const found = findUsage(body);
  if (found === "absent") return undefined;
  if (found === "unclear") return usageFromAll(body);
  try {
    // latin1 is the cheapest decoding, and what it garbles is text, of which usage reads none.
    return readUsage(JSON.parse(body.toString("latin1", found.start, found.end)));
  } catch {
    return usageFromAll(body);
  }
}

function findUsage(body: Buffer): { start: number; end: number } | "absent" | "unclear" {
  const last = lastSignificant(body);
  if (body[last] !== closeBrace) return "unclear";
  const floor = Math.max(0, last - windowBytes);
  let depth = 1;
  let end = last;
  let start = -1;
  for (let at = last - 1; at >= floor; at--) {
    const byte = body[at];
    if (byte === quote) {
      const open = openingQuote(body, at, floor);
      if (open < 0) return "unclear";
      const kind = start < 0 ? "value" : keyKind(body, open + 1, at);
      if (kind === "usage") return { start, end };
      if (kind === "escaped") return "unclear";
      start = -1;
      at = open;
    } else if (byte === closeBrace || byte === closeBracket) depth++;
    else if (byte === openBrace || byte === openBracket) depth--;
    else if (depth === 1 && byte === comma) end = at;
    else if (depth === 1 && byte === colon) start = at + 1;
    if (depth === 0) return "absent";
  }
  return "unclear";
}

function openingQuote(body: Buffer, closing: number, floor: number): number {
  for (let at = closing - 1; at >= floor; at--)
    if (body[at] === quote && body[at - 1] !== backslash) return at;
  return -1;
}

/** A key with an escape in it may still spell `usage`. */
function keyKind(body: Buffer, start: number, end: number): "usage" | "escaped" | "other" {
  if (end - start === usageKey.length && usageKey.compare(body, start, end) === 0) return "usage";
  return body.subarray(start, end).includes(backslash) ? "escaped" : "other";
}

function lastSignificant(body: Buffer): number {
  let at = body.length - 1;
  while (at >= 0 && isWhitespace(body[at])) at--;
  return at;
}

function isWhitespace(byte: number | undefined): boolean {
  return byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;
}

function usageFromAll(body: Buffer): Usage | undefined {
  try {
    return readUsage(JSON.parse(body.toString())?.usage);
  } catch {
    return undefined;
  }
}
