import { afterEach, expect, test, vi } from "vitest";
import type { CallFailure, Reader } from "../providers/source.ts";
import { ReadAhead } from "./read-ahead.ts";

const broken: CallFailure = { kind: "broken", reason: "reset" };

/** An answer of words, in the test's own hands: `none` says that there is no answer, `word` that there is one. */
function script({
  mayBeEmpty = false,
  longestMs,
}: { mayBeEmpty?: boolean; longestMs?: number } = {}) {
  let reader: Reader<string> | undefined;
  let aborts = 0;
  const judged: string[] = [];
  const source = {
    read: (given: Reader<string>) => void (reader = given),
    abort: () => {
      aborts += 1;
      reader?.onFailure({ kind: "aborted", reason: "the client is gone" });
    },
  };
  const ahead = new ReadAhead<string>(source, {
    judge(piece) {
      judged.push(piece);
      if (piece === "odd") throw new Error("Cannot read this");
      if (piece === "none") return { failure: broken };
      return piece === "word" ? "started" : "nothing";
    },
    judgeEnd: () => (mayBeEmpty ? "started" : { failure: broken }),
    longestMs,
  });
  return {
    ahead,
    judged,
    aborts: () => aborts,
    say: (piece: string, resume = () => undefined) => reader?.onData(piece, resume),
    end: () => reader?.onEnd(),
    fail: () => reader?.onFailure(broken),
  };
}

/** What a reader of it is told from now on; it asks for a pause after the third piece. */
function readOn(ahead: ReadAhead<string>): unknown[] {
  const told: unknown[] = [];
  ahead.read({
    onData: (piece) => told.push(piece) !== 3,
    onEnd: () => told.push("end"),
    onFailure: (failure) => told.push(failure),
  });
  return told;
}

test("what was read ahead is handed on first, piece by piece, and then what follows", async () => {
  const { ahead, say, end } = script();
  expect(say("")).toBe(true);
  expect(say("word")).toBe(true);
  // In the same read of the socket, before anybody could know.
  expect(say("more")).toBe(true);
  expect(await ahead.outcome).toBeUndefined();

  const told = readOn(ahead);
  say("and more");
  end();

  expect(told).toEqual(["", "word", "more", "and more", "end"]);
});

test("a reader that asks for a pause is heard", async () => {
  const { ahead, say } = script();
  say("word");
  await ahead.outcome;
  readOn(ahead);

  expect(say("second")).toBe(true);
  expect(say("third")).toBe(false);
  expect(say("fourth")).toBe(true);
});

test("an end or a failure that came with the first words is told after them, and one that comes later too", async () => {
  for (const last of ["end", "fail"] as const)
    for (const isLate of [false, true]) {
      const scripted = script();
      scripted.say("word");
      if (!isLate) scripted[last]();
      expect(await scripted.ahead.outcome).toBeUndefined();
      const told = readOn(scripted.ahead);
      if (isLate) scripted[last]();
      expect(told).toEqual(["word", last === "end" ? "end" : broken]);
      expect(scripted.aborts()).toBe(0);
    }
});

test("one that has no answer is not listened to any longer, whether it said so or failed", async () => {
  const told = script();
  told.say("none");
  expect(await told.ahead.outcome).toEqual({ failure: broken });
  expect(told.aborts()).toBe(1);

  const failed = script();
  failed.say("");
  failed.fail();
  expect(await failed.ahead.outcome).toEqual({ failure: broken });
  expect(failed.aborts()).toBe(1);
});

test("the first that shows what will come of it counts, and nothing is judged after that", async () => {
  const { ahead, say, judged, aborts } = script();
  say("");
  say("word");
  say("none");

  expect(await ahead.outcome).toBeUndefined();
  expect(judged).toEqual(["", "word"]);
  expect(aborts()).toBe(0);
});

test("an end without a word is an answer only where it may be", async () => {
  const strict = script();
  strict.end();
  expect(await strict.ahead.outcome).toEqual({ failure: broken });

  const lenient = script({ mayBeEmpty: true });
  lenient.end();
  expect(await lenient.ahead.outcome).toBeUndefined();
  expect(readOn(lenient.ahead)).toEqual(["end"]);
});

test("what cannot be judged is left to its reader", async () => {
  const { ahead, say } = script();
  say("odd");

  expect(await ahead.outcome).toBeUndefined();
  expect(readOn(ahead)).toEqual(["odd"]);
});

test("when the first piece came is known", async () => {
  const { ahead, say } = script();
  expect(ahead.firstPieceAtMs).toBeUndefined();
  const before = performance.now();
  say("");
  const first = ahead.firstPieceAtMs;
  say("word");

  expect(first).toBeGreaterThanOrEqual(before);
  expect(ahead.firstPieceAtMs).toBe(first);
});

afterEach(() => {
  vi.useRealTimers();
});

test("it is read ahead for so long, and no timer is left once it has started, or failed", async () => {
  vi.useFakeTimers();
  const late = script({ longestMs: 100 });
  late.say("");
  await vi.advanceTimersByTimeAsync(101);
  expect(await late.ahead.outcome).toBeUndefined();
  expect(readOn(late.ahead)).toEqual([""]);

  for (const piece of ["word", "none"]) {
    const { ahead, say } = script({ longestMs: 100 });
    expect(vi.getTimerCount()).toBe(1);
    say(piece);
    await ahead.outcome;
    expect(vi.getTimerCount()).toBe(0);
  }
});
