import { expect, test } from "vitest";
import { memoryVerdicts } from "./memory.ts";

const samples = (sample: (index: number) => number) =>
  Array.from({ length: 20 }, (_, index) => sample(index));

test("memory that grows at first and then stays is flat", () => {
  expect(
    memoryVerdicts(
      samples((index) => Math.min(140, 100 + index * 5)),
      152,
    ),
  ).toEqual([
    "  target: below 150 MB after them: 140.0, met; at most 152.0 on the way",
    "  target: growth at most 5 MB over the last 50000 calls: 0.0, met",
  ]);
});

test("memory that grows to the end and above the bound misses both", () => {
  expect(
    memoryVerdicts(
      samples((index) => 140 + index * 0.6),
      153,
    ),
  ).toEqual([
    "  target: below 150 MB after them: 151.4, missed; at most 153.0 on the way",
    "  target: growth at most 5 MB over the last 50000 calls: 6.0, missed",
  ]);
});
