import { describe, expect, test } from "vitest";
import type { Usage } from "../../shared/spend.ts";
import { RecentOutputs } from "./recent-outputs.ts";

const nothing: Usage = {
  input: 0,
  cache_read: 0,
  cache_write: 0,
  input_audio: 0,
  output: 0,
  reasoning: 0,
  output_audio: 0,
};

function seen(outputs: readonly number[]): RecentOutputs {
  const recent = new RecentOutputs();
  for (const output of outputs) recent.record("gpt", { ...nothing, output });
  return recent;
}

const upTo = (count: number, first = 1) =>
  Array.from({ length: count }, (_, index) => first + index);

describe("what a call is expected to generate", () => {
  test("a model that nobody has called has a default", () => {
    expect(seen([]).estimate("gpt", {})).toBe(400);
    expect(seen([5]).estimate("other", {})).toBe(400);
  });

  test("one call is enough to go by", () => {
    expect(seen([7]).estimate("gpt", {})).toBe(7);
    expect(seen([0]).estimate("gpt", {})).toBe(0);
  });

  test("one long answer in a hundred does not set it, one in ten does", () => {
    expect(seen([...upTo(99).fill(10), 5_000]).estimate("gpt", {})).toBe(10);
    expect(seen([...upTo(90).fill(10), ...upTo(10).fill(5_000)]).estimate("gpt", {})).toBe(5_000);
  });

  test("it is the 95th percentile, in whatever order the outputs came, by number and not by text", () => {
    expect(seen(upTo(100)).estimate("gpt", {})).toBe(96);
    expect(seen(upTo(100).toReversed()).estimate("gpt", {})).toBe(96);
  });

  test("only the last hundred calls count", () => {
    expect(seen([...upTo(100).fill(9_000), ...upTo(100)]).estimate("gpt", {})).toBe(96);
    expect(
      seen([...upTo(94).fill(1), ...upTo(6).fill(9_000), ...upTo(94).fill(2)]).estimate("gpt", {}),
    ).toBe(9_000);
  });

  test("groups do not mix", () => {
    const recent = seen([10]);
    recent.record("claude", { ...nothing, output: 900 });
    expect([recent.estimate("gpt", {}), recent.estimate("claude", {})]).toEqual([10, 900]);
  });

  test("asking twice gives the same, and recording goes on where it was", () => {
    const recent = seen([30, 10, 20]);
    expect([recent.estimate("gpt", {}), recent.estimate("gpt", {})]).toEqual([30, 30]);
  });

  test.each([
    [{ max_tokens: 50 }, 50],
    [{ max_completion_tokens: 60 }, 60],
    [{ max_tokens: 50, max_completion_tokens: 60 }, 60],
    [{ max_completion_tokens: null, max_tokens: 50 }, 50],
    [{ max_tokens: 1_000 }, 100],
    [{ max_tokens: null }, 100],
    [{ max_tokens: "50" }, 100],
  ])("a call with %o is expected to generate %i", (request, expected) => {
    expect(seen([100]).estimate("gpt", request)).toBe(expected);
  });
});

describe("whether a group reasons", () => {
  test("it does not until it was seen to", () => {
    const recent = seen([10]);
    expect([recent.reasons("gpt"), recent.reasons("other")]).toEqual([false, false]);
  });

  test("once seen it stays so, and of that group only", () => {
    const recent = new RecentOutputs();
    recent.record("o", { ...nothing, output: 10, reasoning: 3 });
    recent.record("o", { ...nothing, output: 10 });
    recent.record("gpt", { ...nothing, output: 10 });
    expect([recent.reasons("o"), recent.reasons("gpt")]).toEqual([true, false]);
  });
});

test("of more than a thousand groups the one that was least recently called is forgotten", () => {
  const recent = seen([7]);
  recent.record("other", { ...nothing, output: 9 });
  for (const index of upTo(999)) {
    recent.record(`openai/${index}`, { ...nothing, output: 8 });
    recent.record("gpt", { ...nothing, output: 7 });
  }
  expect([recent.estimate("gpt", {}), recent.estimate("other", {})]).toEqual([7, 400]);
  expect(recent.estimate("openai/1", {})).toBe(8);
});
