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

/** A thousand years: what ends later would need a fifth digit for its year, which Postgres and clients cannot read. */
const longestMs = 365_250 * unitMs.d;
const longestMonths = 12_000;

/** A length of time: `30s`, `20m` or `20min`, `30h`, `30d`, `2w`, `1mo` (a calendar month). From one second to 1000 years. */
export const duration = z.string().refine((text) => lengthOf(text) !== undefined, {
  error: ({ input }) => durationFault(input, "a number"),
});

/** What is said of a value that is no duration. */
export function durationFault(input: unknown, expected: string): string {
  // tRPC brings values that JSON does not have, and cannot quote.
  const quoted = typeof input === "string" ? JSON.stringify(input) : `this ${typeof input}`;
  return `Cannot read ${quoted} as a duration: expected ${expected} above 0 and one of s, m, h, d, w, mo, as in "30s", "20m" or "1mo", of at most 1000 years`;
}

/**
 * The moment one duration after `start`. A month is a calendar month in UTC, clamped to its last day:
 * one month after 31 January is 28 or 29 February.
 *
 * Undefined when the text is no duration, is zero, or is longer than a thousand years; that does not depend on `start`.
 */
export function expiryAfter(text: string, start: Date): Date | undefined {
  const length = lengthOf(text);
  if (!length) return undefined;
  return "months" in length
    ? monthsAfter(start, length.months)
    : new Date(start.getTime() + length.ms);
}

/** How often a budget begins anew: with the calendar's days, weeks or months, or each so many months or seconds. */
export type Period =
  | { readonly alignment: "day" | "week" | "month" }
  | { readonly months: number }
  | { readonly seconds: number };

const alignments: ReadonlyMap<string, Period> = new Map([
  ["1d", { alignment: "day" }],
  ["1w", { alignment: "week" }],
  ["1mo", { alignment: "month" }],
]);

/** `1d`, `1w` and `1mo`, so spelt, go by the calendar, every other duration by its length. Undefined when the text is none. */
export function periodOf(text: string): Period | undefined {
  const length = lengthOf(text);
  if (!length) return undefined;
  return alignments.get(text) ?? ("months" in length ? length : { seconds: length.ms / 1000 });
}

function lengthOf(text: string): { readonly months: number } | { readonly ms: number } | undefined {
  const [, digits, unit] = pattern.exec(text) ?? [];
  const count = Number(digits);
  if (!unit || !(count > 0)) return undefined;
  if (unit === "mo") return count <= longestMonths ? { months: count } : undefined;
  const ms = count * unitMs[unit as keyof typeof unitMs];
  return ms <= longestMs ? { ms } : undefined;
}

function monthsAfter(start: Date, count: number): Date {
  const end = new Date(start);
  end.setUTCMonth(start.getUTCMonth() + count, 1);
  const lastDay = new Date(Date.UTC(end.getUTCFullYear(), end.getUTCMonth() + 1, 0)).getUTCDate();
  end.setUTCDate(Math.min(start.getUTCDate(), lastDay));
  return end;
}
