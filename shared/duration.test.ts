import * as fc from "fast-check";
import { expect, test } from "vitest";
import { duration, expiryAfter, periodOf } from "./duration.ts";

const units = {
  s: 1000,
  sec: 1000,
  m: 60_000,
  min: 60_000,
  h: 3_600_000,
  hr: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
};
const unit = fc.constantFrom(...Object.entries(units));
const moment = fc.date({
  min: new Date("1970-01-01T00:00:00Z"),
  max: new Date("2200-01-01T00:00:00Z"),
  noInvalidDate: true,
});

test("a number and a unit reach exactly that far", () => {
  fc.assert(
    fc.property(unit, fc.integer({ min: 1, max: 50_000 }), moment, ([name, ms], count, start) => {
      expect(expiryAfter(`${count}${name}`, start)?.getTime()).toBe(start.getTime() + count * ms);
    }),
  );
});

test.each([
  ["30s", "2026-01-31T10:00:30.000Z"],
  ["20m", "2026-01-31T10:20:00.000Z"],
  ["30min", "2026-01-31T10:30:00.000Z"],
  ["30h", "2026-02-01T16:00:00.000Z"],
  ["30d", "2026-03-02T10:00:00.000Z"],
  ["2w", "2026-02-14T10:00:00.000Z"],
  ["1mo", "2026-02-28T10:00:00.000Z"],
  ["25mo", "2028-02-29T10:00:00.000Z"],
])("%s after the end of January is %s", (text, end) => {
  expect(expiryAfter(text, new Date("2026-01-31T10:00:00Z"))?.toISOString()).toBe(end);
});

test("months keep the day and the time of day, and stop at the last day of a month that is shorter", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 240 }), moment, (count, start) => {
      const end = expiryAfter(`${count}mo`, start);
      const month = start.getUTCMonth() + count;
      const lastDay = new Date(Date.UTC(start.getUTCFullYear(), month + 1, 0)).getUTCDate();
      const day = Math.min(start.getUTCDate(), lastDay);
      const timeOfDay = start.getTime() % 86_400_000;
      expect(end?.getTime()).toBe(Date.UTC(start.getUTCFullYear(), month, day) + timeOfDay);
    }),
  );
});

test.each(
  [
    [
      "",
      "0s",
      "-1h",
      "+1h",
      "1 fortnight",
      "1y",
      "1M",
      "1H",
      "1",
      "h",
      "1.5h",
      "1e3s",
      " 1h",
      "1h ",
      "1h30m",
      "1h\n",
      "١h",
      "never",
    ],
    ["99999999999999999999s", "99999999999999mo", `${"9".repeat(400)}d`, `${"9".repeat(400)}mo`],
  ].flat(),
)("%j is no duration", (text) => {
  expect(expiryAfter(text, new Date(0))).toBeUndefined();
  expect(duration.safeParse(text).success).toBe(false);
});

test("whatever is taken ends within the four-digit years that a database and a client can read, whenever it begins", () => {
  fc.assert(
    fc.property(
      fc.constantFrom(...Object.keys(units), "mo"),
      fc.bigInt({ min: 1n, max: 10n ** 20n }),
      moment,
      (name, count, start) => {
        const text = `${count}${name}`;
        const end = expiryAfter(text, start);
        expect(duration.safeParse(text).success).toBe(end !== undefined);
        if (end) expect(end.toISOString()).toMatch(/^\d{4}-/);
      },
    ),
    { numRuns: 1000 },
  );
});

test("a thousand years are the most", () => {
  for (const text of ["12000mo", "365250d"]) expect(duration.safeParse(text).success).toBe(true);
  for (const text of ["12001mo", "365251d"]) expect(duration.safeParse(text).success).toBe(false);
});

test("a fault quotes what was sent and shows what is meant", () => {
  expect(duration.safeParse("1 fortnight").error?.issues[0]?.message).toBe(
    'Cannot read "1 fortnight" as a duration: expected a number above 0 and one of s, m, h, d, w, mo, as in "30s", "20m" or "1mo", of at most 1000 years',
  );
});

test("a day, a week and a month so spelt are the calendar's, any other period is of its length", () => {
  const periods = {
    "1d": { alignment: "day" },
    "1w": { alignment: "week" },
    "1mo": { alignment: "month" },
    "01d": { seconds: 86_400 },
    "24h": { seconds: 86_400 },
    "7d": { seconds: 604_800 },
    "30min": { seconds: 1_800 },
    "2mo": { months: 2 },
    "01mo": { months: 1 },
  };

  for (const [text, period] of Object.entries(periods))
    expect(periodOf(text), text).toEqual(period);
  for (const text of ["", "0d", "d", "1y", "12001mo"]) expect(periodOf(text), text).toBeUndefined();
});
