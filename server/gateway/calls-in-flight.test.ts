import { expect, test } from "vitest";
import { CallsInFlight } from "./calls-in-flight.ts";

function repeat(times: number, step: () => void): void {
  for (let done = 0; done < times; done += 1) step();
}

function watched() {
  const turns: boolean[] = [];
  const inFlight = new CallsInFlight(({ isCrowded }) => turns.push(isCrowded));
  return {
    turns,
    inFlight,
    enter: (count: number) => repeat(count, () => inFlight.enter()),
    leave: (count: number) => repeat(count, () => inFlight.leave()),
  };
}

test("a crowd is told of once when it gathers, and once when it is down to half that size", () => {
  const { turns, enter, leave } = watched();

  enter(255);
  expect(turns).toEqual([]);
  enter(1);
  expect(turns).toEqual([true]);
  leave(100);
  enter(300);
  expect(turns).toEqual([true]);
  leave(327);
  expect(turns).toEqual([true]);
  leave(1);
  expect(turns).toEqual([true, false]);
  leave(128);
  expect(turns).toEqual([true, false]);
});

test("a few calls that come and go are no crowd", () => {
  const { turns, enter, leave } = watched();

  for (let round = 0; round < 100; round += 1) {
    enter(200);
    leave(200);
  }

  expect(turns).toEqual([]);
});

test("who waits for the last call is told when there is none, at once or later", async () => {
  const { inFlight, enter, leave } = watched();
  await inFlight.none();

  enter(2);
  let isNone = false;
  const waiting = inFlight.none().then(() => (isNone = true));
  leave(1);
  await Promise.resolve();
  expect(isNone).toBe(false);
  leave(1);
  await waiting;
  expect(inFlight.count).toBe(0);
});
