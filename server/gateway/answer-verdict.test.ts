import { expect, test } from "vitest";
import type { ModelEvent } from "../providers/model-event.ts";
import { consumes, judgesOfAll, judgesOfEvents } from "./answer-verdict.ts";
import type { Attempt, Call } from "./call.ts";
import { estimatedUsage } from "./estimate.ts";

const call = { asked: "gpt" } as unknown as Call;
const attempt = { deployment: { secrets: [] }, sentHeaders: [] } as unknown as Attempt;

const start: ModelEvent = { type: "start", id: "1" };
const word: ModelEvent = { type: "text-delta", text: "Hello" };
const busy: ModelEvent = { type: "error", message: "Busy", code: "overloaded_error" };
const wrong: ModelEvent = { type: "error", message: "Wrong", code: "invalid_prompt" };
const nothingUsed: ModelEvent = { type: "usage", usage: estimatedUsage(0, 0) };
const used: ModelEvent = { type: "usage", usage: estimatedUsage(10, 0) };
const none = { failure: { kind: "broken", code: "overloaded_error" } };

test.each([
  [[start], "nothing"],
  [[start, nothingUsed], "nothing"],
  [[start, word], "started"],
  [[used], "started"],
  [[start, busy], none],
  [[nothingUsed, busy], none],
  [[word, busy], "started"],
  [[used, busy], "started"],
  [[wrong], "started"],
])("a stream's events %j", (events, verdict) => {
  const seen = judgesOfEvents(call, attempt).judge(events);
  if (typeof verdict === "string") expect(seen).toBe(verdict);
  else expect(seen).toMatchObject(verdict);
});

test.each([
  [[start, word], "started"],
  [[start, busy], none],
  [[word, busy], none],
  [[word, busy, nothingUsed], none],
  [[busy, used], "started"],
  [[used, busy], "started"],
  [[word, wrong], "started"],
])("a whole answer's events %j", (events, verdict) => {
  const seen = judgesOfAll(call, attempt).judge(events);
  if (typeof verdict === "string") expect(seen).toBe(verdict);
  else expect(seen).toMatchObject(verdict);
});

test("an answer that ends without a word is none", () => {
  for (const judges of [judgesOfAll, judgesOfEvents])
    expect(judges(call, attempt).judgeEnd()).toMatchObject({ failure: { kind: "broken" } });
});

test("tokens and units alike are consumed", () => {
  expect(consumes(undefined)).toBe(false);
  expect(consumes(estimatedUsage(0, 0))).toBe(false);
  expect(consumes(estimatedUsage(0, 1))).toBe(true);
  expect(consumes({ ...estimatedUsage(0, 0), units: { images: 0 } })).toBe(false);
  expect(consumes({ ...estimatedUsage(0, 0), units: { images: 1 } })).toBe(true);
});
