/** Where something stands in bytes; the end is exclusive. */
export interface Span {
  readonly start: number;
  readonly end: number;
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
