import { expect, test } from "vitest";
import { memoryVerdicts } from "./memory.ts";

const samples = (sample: (index: number) => number) =>
  Array.from({ length: 20 }, (_, index) => sample(index));

test("memory that grows at first and then stays is flat", () => {
  expect(
    memoryVerdicts(
      samples((index) => Math.min(140, 100 + index * 5)),
      145,
    ),
  ).toEqual([
    "  target: peak below 150 MB: 145.0, met",
    "  target: growth at most 5 MB over the last 50000 calls: 0.0, met",
  ]);
});

test("memory that grows to the end and above the bound misses both", () => {
  expect(
    memoryVerdicts(
      samples((index) => 100 + index * 0.6),
      150,
    ),
  ).toEqual([
    "  target: peak below 150 MB: 150.0, missed",
    "  target: growth at most 5 MB over the last 50000 calls: 6.0, missed",
  ]);
});
