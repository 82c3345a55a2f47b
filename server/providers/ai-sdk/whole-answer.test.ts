import { expect, test } from "vitest";
import { readAll } from "./fixtures/reading.ts";
import { WholeAnswer } from "./whole-answer.ts";

const events = [{ type: "text-delta", text: "Hi" }] as const;

test("its events come at once, then its end", async () => {
  expect(await readAll(new WholeAnswer(events))).toEqual({ events, failure: undefined });
});

test("its end waits for a reader that pauses", () => {
  const log: string[] = [];
  let resume: (() => void) | undefined;
  new WholeAnswer(events).read({
    onData(_events, goOn) {
      resume = goOn;
      return false;
    },
    onEnd: () => log.push("end"),
    onFailure: () => log.push("failure"),
  });
  expect(log).toEqual([]);
  resume?.();
  resume?.();
  expect(log).toEqual(["end"]);
});

test("aborted before it is read, it tells of that and nothing else", async () => {
  const answer = new WholeAnswer(events);
  answer.abort();
  expect(await readAll(answer)).toMatchObject({ events: [], failure: { kind: "aborted" } });
});
