import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { expiryAfter, periodOf } from "../../shared/duration.ts";
import { sharedEngines } from "../testing/database.ts";
import type { Sql } from "./database.ts";

interface Span {
  readonly starts: number;
  readonly ends: number;
}

/** What budget_period() says of each moment, in one query. */
async function periodsAt(
  sql: Sql,
  { duration, createdMs, zone }: { duration: string; createdMs: number; zone: string },
  moments: readonly number[],
): Promise<Span[]> {
  const period = periodOf(duration) ?? {};
  const budget = {
    created_at: new Date(createdMs),
    alignment: "alignment" in period ? period.alignment : null,
    period_seconds: "seconds" in period ? period.seconds : null,
    period_months: "months" in period ? period.months : null,
  };
  return sql<Span[]>`
    select (extract(epoch from starts_at) * 1000)::float8 as starts, (extract(epoch from ends_at) * 1000)::float8 as ends
      from jsonb_array_elements_text(${JSON.stringify(moments)}::text::jsonb) with ordinality as moment (ms, place)
     cross join lateral budget_period(
             jsonb_populate_record(null::budget, ${JSON.stringify(budget)}::text::jsonb),
             to_timestamp(ms::bigint / 1000.0), ${zone}
           )
     order by place`;
}

const zones = [
  "UTC",
  "Europe/Berlin",
  "America/New_York",
  "Asia/Kolkata",
  "America/St_Johns",
  "Australia/Lord_Howe",
  "Pacific/Auckland",
  // Their clocks are put forward to one, and back from one: a day without a midnight, and one with two.
  "America/Havana",
  "Atlantic/Azores",
];

/** The clock on the wall, as the milliseconds that UTC would show the same at. */
function wallClock(zone: string): (ms: number) => number {
  const format = new Intl.DateTimeFormat("en-US", {
    timeZone: zone,
    hourCycle: "h23",
    year: "numeric",
    month: "numeric",
    day: "numeric",
    hour: "numeric",
    minute: "numeric",
    second: "numeric",
  });
  return (ms) => {
    const parts = Object.fromEntries(
      format.formatToParts(ms).map(({ type, value }) => [type, Number(value)]),
    );
    const { year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0 } = parts;
    return Date.UTC(year, month - 1, day, hour, minute, second);
  };
}

const quarterMs = 15 * 60_000;
const dayMs = 86_400_000;

/**
 * When a day begins: the last time that its clock strikes midnight, or where it strikes none, when it leaps over it.
 * Zones are whole quarters of an hour away from UTC.
 */
function midnight(wall: number, clock: (ms: number) => number): number {
  const quarters = Array.from({ length: 121 }, (_none, n) => wall + (n - 60) * quarterMs);
  return (
    quarters.findLast((ms) => clock(ms) === wall) ??
    quarters.find((ms) => clock(ms) > wall) ??
    Number.NaN
  );
}

/** The day, week or month that a moment of the wall clock is in, moved by so many. */
const calendar = {
  day: (wall: number, moved: number) => Math.floor(wall / dayMs + moved) * dayMs,
  // 1970 began on a Thursday, weeks on a Monday.
  week: (wall: number, moved: number) =>
    (Math.floor((wall / dayMs + 3) / 7 + moved) * 7 - 3) * dayMs,
  month: (wall: number, moved: number) =>
    Date.UTC(new Date(wall).getUTCFullYear(), new Date(wall).getUTCMonth() + moved),
};

function alignedSpan(alignment: keyof typeof calendar, zone: string, at: number): Span {
  const clock = wallClock(zone);
  const begins = [-1, 0, 1].map((moved) => midnight(calendar[alignment](clock(at), moved), clock));
  const [before = 0, today = 0, after = 0] = begins;
  return at < today ? { starts: before, ends: today } : { starts: today, ends: after };
}

function monthsSpan(months: number, createdMs: number, at: number): Span {
  const begin = (n: number) =>
    n === 0
      ? createdMs
      : (expiryAfter(`${n * months}mo`, new Date(createdMs))?.getTime() ?? Number.NaN);
  let n = 0;
  while (begin(n + 1) <= at) n += 1;
  return { starts: begin(n), ends: begin(n + 1) };
}

function secondsSpan(seconds: number, createdMs: number, at: number): Span {
  const n = Math.floor((at - createdMs) / (seconds * 1000));
  const starts = createdMs + n * seconds * 1000;
  return { starts, ends: starts + seconds * 1000 };
}

function modelSpan(duration: string, createdMs: number, zone: string, at: number): Span {
  const period = periodOf(duration);
  if (!period) throw new Error(`"${duration}" is no duration`);
  if ("alignment" in period) return alignedSpan(period.alignment, zone, at);
  return "months" in period
    ? monthsSpan(period.months, createdMs, at)
    : secondsSpan(period.seconds, createdMs, at);
}

const moments = fc.integer({
  min: Date.UTC(2021, 0, 1),
  max: Date.UTC(2036, 11, 31),
});

/** Nights in which clocks are put back over midnight: in Havana and on the Azores. */
const longNights = ["2026-11-01T04:30Z", "2027-11-07T04:30Z", "2026-10-25T00:30Z"].map((text) =>
  Date.parse(text),
);

/** The first and last days of months, where a month is cut. */
const monthEnds = fc
  .tuple(
    fc.integer({ min: 2021, max: 2036 }),
    fc.integer({ min: 0, max: 11 }),
    fc.integer({ min: -8, max: 15 }),
    fc.integer({ min: -14 * 4, max: 14 * 4 }),
    fc.constantFrom(-1, 0, 1),
  )
  .map(([year, month, day, quarter, ms]) => Date.UTC(year, month, day) + quarter * quarterMs + ms);

const eventful = fc.oneof(monthEnds, fc.constantFrom(...longNights));

const durations = fc.constantFrom(
  ..."1d 1w 1mo 24h 7d 30d 1h 30min 7s 2mo 3mo 12mo 13mo 100w".split(" "),
);

describe.each(sharedEngines)("$name", ({ open }) => {
  test("a period is the one that a calendar and simple arithmetic say, and holds the moment that it was asked for", async () => {
    await using opened = await open();
    const { sql } = opened.database;

    await fc.assert(
      fc.asyncProperty(
        durations,
        fc.oneof(moments, eventful),
        fc.array(fc.oneof(moments, eventful), { minLength: 10, maxLength: 10 }),
        fc.constantFrom(...zones),
        async (duration, createdMs, later, zone) => {
          const asked = later.map((ms) => Math.max(ms, createdMs));
          const told = await periodsAt(sql, { duration, createdMs, zone }, asked);
          expect(told).toEqual(asked.map((at) => modelSpan(duration, createdMs, zone, at)));
          for (const [index, { starts, ends }] of told.entries()) {
            expect(starts).toBeLessThanOrEqual(asked[index] ?? Number.NaN);
            expect(ends).toBeGreaterThan(asked[index] ?? Number.NaN);
          }
        },
      ),
      { numRuns: 150 },
    );
  });

  test("periods tile the time: where one ends the next begins, and just before it begins it is the one before", async () => {
    await using opened = await open();
    const { sql } = opened.database;

    await fc.assert(
      fc.asyncProperty(
        durations,
        fc.oneof(moments, eventful),
        fc.constantFrom(...zones),
        async (duration, createdMs, zone) => {
          const budget = { duration, createdMs, zone };
          let [{ starts, ends } = { starts: 0, ends: 0 }] = await periodsAt(sql, budget, [
            createdMs,
          ]);
          for (let step = 0; step < 5; step += 1) {
            const [last, next] = await periodsAt(sql, budget, [ends - 1, ends]);
            expect(last).toEqual({ starts, ends });
            expect(next?.starts).toBe(ends);
            ({ starts, ends } = next ?? { starts: 0, ends: 0 });
          }
        },
      ),
      { numRuns: 60 },
    );
  });

  test("a month that is cut to its last day does not shorten those after it", async () => {
    await using opened = await open();
    const createdMs = Date.UTC(2023, 0, 31, 10);
    const later = [
      "2023-02-28T10:00Z",
      "2023-03-31T10:00Z",
      "2023-04-30T10:00Z",
      "2024-02-29T10:00Z",
    ];

    const told = await periodsAt(
      opened.database.sql,
      // Not `1mo`, which goes by the calendar.
      { duration: "01mo", createdMs, zone: "UTC" },
      later.map((text) => Date.parse(text)),
    );

    expect(told.map(({ starts }) => starts)).toEqual(later.map((text) => Date.parse(text)));
  });

  test("a day with two midnights begins at the second, and one without any where the clock leaps", async () => {
    await using opened = await open();
    const day = { duration: "1d", createdMs: 0, zone: "America/Havana" };

    const [autumn, spring] = await periodsAt(opened.database.sql, day, [
      // Half past midnight for the first time.
      Date.parse("2026-11-01T04:30Z"),
      Date.parse("2026-03-08T12:00Z"),
    ]);

    expect(autumn).toEqual({
      starts: Date.parse("2026-10-31T04:00Z"),
      ends: Date.parse("2026-11-01T05:00Z"),
    });
    expect(spring).toEqual({
      starts: Date.parse("2026-03-08T05:00Z"),
      ends: Date.parse("2026-03-09T04:00Z"),
    });
  });

  test("a budget without a period has one that does not end", async () => {
    await using opened = await open();
    const [period] = await opened.database.sql`
      select starts_at = created_at as starts, ends_at = 'infinity' as ends
        from jsonb_populate_record(null::budget, '{"created_at": "2026-01-01T00:00:00Z"}') b,
             budget_period(b, now(), 'UTC')`;

    expect(period).toEqual({ starts: true, ends: true });
  });
});
