import * as fc from "fast-check";
import { expect, test } from "vitest";
import { SseEvents } from "./sse-events.ts";

/** The events that pieces hold, each as text, and what is left over. */
function eventsOf(pieces: readonly Buffer[]) {
  const cutter = new SseEvents();
  const events: string[] = [];
  for (const piece of pieces)
    cutter.push(piece, (bytes, start, end) => events.push(bytes.toString("utf8", start, end)));
  return { events, rest: cutter.rest.toString() };
}

const event = fc
  .tuple(
    fc.array(fc.constantFrom("data: {}", "event: ping", ": note", "data: ü", "data: a\rb"), {
      minLength: 1,
      maxLength: 3,
    }),
    fc.constantFrom("\n", "\r\n"),
  )
  .map(([lines, end]) => lines.join(end) + end + end);

test("a stream is the same events wherever its bytes are cut, down to single ones", () => {
  fc.assert(
    fc.property(
      fc.array(event, { maxLength: 5 }),
      fc.constantFrom("", "data: half", "data: half\n"),
      fc.array(fc.nat(400), { maxLength: 60 }),
      (events, rest, places) => {
        const bytes = Buffer.from(events.join("") + rest);
        const single = [...bytes].map((byte) => Buffer.from([byte]));
        const ends = [...new Set(places.map((place) => Math.min(place, bytes.length)))].toSorted(
          (left, right) => left - right,
        );
        const cut = [0, ...ends].map((start, index) =>
          bytes.subarray(start, ends[index] ?? bytes.length),
        );
        expect(eventsOf([bytes])).toEqual({ events, rest });
        expect(eventsOf(cut)).toEqual({ events, rest });
        expect(eventsOf(single)).toEqual({ events, rest });
      },
    ),
  );
});

test("an event that never ends is a fault, and takes no time that grows with the square of it", () => {
  const line = Buffer.from(`data: ${"x".repeat(64 * 1024)}\n`);
  const cutter = new SseEvents();
  let pushed = 0;

  expect(() => {
    for (;;) {
      cutter.push(line, () => undefined);
      pushed += 1;
    }
  }).toThrow(/an event of more than \d+ bytes/);
  expect(pushed).toBeGreaterThan(500);
});
