import { hash, randomBytes, timingSafeEqual } from "node:crypto";
import { uuidv7 } from "./uuid.ts";

/** A new secret: `sk-` and 128 random bits in 22 base64url characters. */
export function newSecret(): string {
  return `sk-${randomBytes(16).toString("base64url")}`;
}

/** What a secret is stored and looked up by: its SHA-256 in lower-case hex. */
export function hashSecret(secret: string): string {
  return hash("sha256", secret);
}

/** What tells whether a hash of a secret is this one, in a time that does not tell how much of it is. */
export function comparerOf(known: string): (hash: string) => boolean {
  const bytes = Buffer.from(known);
  const other = Buffer.alloc(bytes.length);
  return (presented) => {
    if (presented.length !== known.length) return false;
    // A byte for each character: with more, the last might be that of who came before.
    other.write(presented, "latin1");
    return timingSafeEqual(other, bytes);
  };
}

export function newKeyId(): `key_${string}` {
  return `key_${uuidv7().replaceAll("-", "")}`;
}
