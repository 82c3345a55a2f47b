import { z } from "zod";

const pattern = /^(\d+)(sec|s|min|mo|m|hr|h|d|w)$/;

const unitMs = {
  s: 1000,
  sec: 1000,
  m: 60_000,
  min: 60_000,
  h: 3_600_000,
  hr: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
} as const;

/** The last moment that a JavaScript `Date` can hold. */
const latestMs = 8.64e15;

/** A length of time: `30s`, `20m` or `20min`, `30h`, `30d`, `2w`, `1mo` (a calendar month). At least one second. */
export const duration = z.string().refine((text) => expiryAfter(text, new Date(0)) !== undefined, {
  error: ({ input }) => `Cannot read ${JSON.stringify(input)} as a duration: expected a number above 0 and one of s, m, h, d, w, mo, as in "30s", "20m" or "1mo"`,
});

/**
 * The moment one duration after `start`. A month is a calendar month in UTC, clamped to its last day:
 * one month after 31 January is 28 or 29 February.
 *
 * Undefined when the text is no duration, is zero, or reaches beyond what a `Date` can hold.
 */
export function expiryAfter(text: string, start: Date): Date | undefined {
  const [, digits, unit] = pattern.exec(text) ?? [];
  const count = Number(digits);
  if (!unit || !(count > 0)) return undefined;
  const end = unit === "mo" ? monthsAfter(start, count) : new Date(start.getTime() + count * unitMs[unit as keyof typeof unitMs]);
  return Math.abs(end.getTime()) <= latestMs ? end : undefined;
}

function monthsAfter(start: Date, count: number): Date {
  const end = new Date(start);
  end.setUTCMonth(start.getUTCMonth() + count, 1);
  const lastDay = new Date(Date.UTC(end.getUTCFullYear(), end.getUTCMonth() + 1, 0)).getUTCDate();
  end.setUTCDate(Math.min(start.getUTCDate(), lastDay));
  return end;
}
