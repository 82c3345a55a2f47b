import { expect, test } from "vitest";
import { endingEvents } from "./stop-reason.ts";

test.each([
  ["end_turn", "stop"],
  ["max_tokens", "length"],
  ["model_context_window_exceeded", "length"],
  ["tool_use", "tool-calls"],
  ["refusal", "content-filter"],
  ["pause_turn", "pause"],
  ["compaction", "pause"],
  ["a_reason_to_come", "stop"],
])("%s ends an answer as %s", (stopReason, reason) => {
  expect(endingEvents({ stop_reason: stopReason, stop_sequence: null })).toEqual([
    { type: "finish", reason },
  ]);
});

test("a stop sequence is named", () => {
  expect(endingEvents({ stop_reason: "stop_sequence", stop_sequence: "END" })).toEqual([
    { type: "finish", reason: "stop", stopSequence: "END" },
  ]);
});

test("an answer that goes on has no ending", () => {
  expect(endingEvents({ stop_reason: null })).toEqual([]);
});
