import * as fc from "fast-check";
import { expect, test } from "vitest";
import { CallOrder } from "./call-order.ts";
import type { ModelEvent } from "./model-event.ts";

const begin = (index: number): ModelEvent => ({
  type: "tool-call",
  index,
  id: `call_${index}`,
  name: "weather",
});
const piece = (index: number, json: string): ModelEvent => ({
  type: "tool-arguments-delta",
  index,
  json,
});
const say = (text: string): ModelEvent => ({ type: "text-delta", text });
const finish: ModelEvent = { type: "finish", reason: "tool-calls" };

/** What has come out after each event. */
function steps(events: readonly ModelEvent[]): (readonly ModelEvent[])[] {
  const order = new CallOrder();
  return events.map((event) => order.arrange([event]));
}

test("what is in order goes on at once", () => {
  const events = [
    say("Hm"),
    begin(0),
    piece(0, '{"a":'),
    piece(0, "1}"),
    begin(1),
    piece(1, "{}"),
    say("!"),
    finish,
  ];
  expect(steps(events)).toEqual(events.map((event) => [event]));
});

test("whatever comes before the arguments of a call are whole waits until the reply ends", () => {
  const usage: ModelEvent = {
    type: "usage",
    usage: {
      input: 1,
      cache_read: 0,
      cache_write: 0,
      cache_write_1h: 0,
      input_audio: 0,
      output: 1,
      reasoning: 0,
      output_audio: 0,
    },
  };
  const events = [begin(0), begin(1), say("Both"), piece(1, "{}"), usage, piece(0, "{}"), finish];
  expect(steps(events)).toEqual([
    [begin(0)],
    [],
    [],
    [],
    [usage],
    [piece(0, "{}")],
    [begin(1), piece(1, "{}"), say("Both"), finish],
  ]);
});

test("an error ends the reply too, and what waited was said before it", () => {
  const error: ModelEvent = { type: "error", message: "Overloaded", code: null };
  expect(steps([begin(0), begin(1), piece(1, "{"), error]).at(-1)).toEqual([
    begin(1),
    piece(1, "{"),
    error,
  ]);
});

test("pieces of a call that nobody began are left out", () => {
  expect(steps([piece(3, "{}"), finish])).toEqual([[], [finish]]);
});

const calls = fc.array(fc.array(fc.string(), { maxLength: 3 }), { maxLength: 4 });

test("however calls interleave, each comes out in one piece and nothing is lost", () => {
  fc.assert(
    fc.property(calls, fc.infiniteStream(fc.nat()), (made, picks) => {
      const whole = made.map((words, index) => {
        const json = JSON.stringify({ words });
        return [begin(index), piece(index, json.slice(0, 7)), piece(index, json.slice(7))];
      });
      const queues = whole.map((events) => [...events]);
      const mixed: ModelEvent[] = [];
      for (const pick of picks) {
        const left = queues.filter(({ length }) => length > 0);
        const event = left[pick % left.length]?.shift();
        if (!event) break;
        mixed.push(event);
      }
      const arranged = steps([...mixed, finish]).flat();

      const begun = mixed.flatMap((event) => (event.type === "tool-call" ? [event.index] : []));
      expect(arranged).toEqual([...begun.flatMap((index) => whole[index] ?? []), finish]);
    }),
  );
});
