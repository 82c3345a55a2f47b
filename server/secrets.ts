import { hash, randomBytes, randomUUID, timingSafeEqual } from "node:crypto";

/** A new secret: `sk-` and 128 random bits in 22 base64url characters. */
export function newSecret(): string {
  return `sk-${randomBytes(16).toString("base64url")}`;
}

/** What a secret is stored and looked up by: its SHA-256 in lower-case hex. */
export function hashSecret(secret: string): string {
  return hash("sha256", secret);
}

/** Compares two hashes of secrets in a time that does not tell how much of them is the same. */
export function isSameHash(left: string, right: string): boolean {
  return timingSafeEqual(Buffer.from(left), Buffer.from(right));
}

export function newKeyId(): `key_${string}` {
  return `key_${uuidv7().replaceAll("-", "")}`;
}

/**
 * A UUIDv7: milliseconds since 1970 in its first 48 bits, then random ones.
 * `randomUUID` keeps a pool of random bytes, which makes it the cheapest source of the rest.
 */
export function uuidv7(atMs = Date.now()): string {
  const time = hexOf(atMs);
  return `${time.slice(0, 8)}-${time.slice(8)}-7${randomUUID().slice(15)}`;
}

/** The lowest UUIDv7 of a moment: where a range of ids begins that holds everything from then on. */
export function firstUuidAt(atMs: number): string {
  const time = hexOf(atMs);
  return `${time.slice(0, 8)}-${time.slice(8)}-0000-0000-000000000000`;
}

const hexPairs = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"));

/** 48 bits in hex. A number's own `toString(16)` divides digit by digit in floating point, at ten times the cost. */
function hexOf(milliseconds: number): string {
  const high = Math.floor(milliseconds / 0x100_0000);
  const low = milliseconds % 0x100_0000;
  return (
    toHexPair(high >>> 16) +
    toHexPair(high >>> 8) +
    toHexPair(high) +
    toHexPair(low >>> 16) +
    toHexPair(low >>> 8) +
    toHexPair(low)
  );
}

function toHexPair(bits: number): string {
  return hexPairs[bits & 0xff] ?? "";
}
