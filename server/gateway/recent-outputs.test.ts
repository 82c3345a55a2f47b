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
  for (const output of outputs) record(recent, "gpt", output);
  return recent;
}

function record(recent: RecentOutputs, group: string, output: number, reasoning = 0): void {
  recent.of("key_1", group).record({ ...nothing, output, reasoning });
}

function estimate(recent: RecentOutputs, group: string, request: Record<string, unknown>): number {
  return recent.of("key_1", group).estimate(request);
}

const upTo = (count: number, first = 1) =>
  Array.from({ length: count }, (_, index) => first + index);

describe("what a call is expected to generate", () => {
  test("a model that nobody has called has a default", () => {
    expect(estimate(seen([]), "gpt", {})).toBe(400);
    expect(estimate(seen([5]), "other", {})).toBe(400);
  });

  test("one call is enough to go by", () => {
    expect(estimate(seen([7]), "gpt", {})).toBe(7);
    expect(estimate(seen([0]), "gpt", {})).toBe(0);
  });

  test("one long answer in a hundred does not set it, one in ten does", () => {
    expect(estimate(seen([...upTo(99).fill(10), 5_000]), "gpt", {})).toBe(10);
    expect(estimate(seen([...upTo(90).fill(10), ...upTo(10).fill(5_000)]), "gpt", {})).toBe(5_000);
  });

  test("it is the 95th percentile, in whatever order the outputs came, by number and not by text", () => {
    expect(estimate(seen(upTo(100)), "gpt", {})).toBe(96);
    expect(estimate(seen(upTo(100).toReversed()), "gpt", {})).toBe(96);
  });

  test("only the last hundred calls count", () => {
    expect(estimate(seen([...upTo(100).fill(9_000), ...upTo(100)]), "gpt", {})).toBe(96);
    expect(
      estimate(seen([...upTo(94).fill(1), ...upTo(6).fill(9_000), ...upTo(94).fill(2)]), "gpt", {}),
    ).toBe(9_000);
  });

  test("groups do not mix", () => {
    const recent = seen([10]);
    record(recent, "claude", 900);
    expect([estimate(recent, "gpt", {}), estimate(recent, "claude", {})]).toEqual([10, 900]);
  });

  test("asking twice gives the same, and recording goes on where it was", () => {
    const recent = seen([30, 10, 20]);
    expect([estimate(recent, "gpt", {}), estimate(recent, "gpt", {})]).toEqual([30, 30]);
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
    expect(estimate(seen([100]), "gpt", request)).toBe(expected);
  });
});

describe("whether a group reasons", () => {
  test("it does not until it was seen to", () => {
    const recent = seen([10]);
    expect([recent.of("key_1", "gpt").reasons, recent.of("key_1", "other").reasons]).toEqual([
      false,
      false,
    ]);
  });

  test("once seen it stays so, and of that group only", () => {
    const recent = new RecentOutputs();
    record(recent, "o", 10, 3);
    record(recent, "o", 10);
    record(recent, "gpt", 10);
    expect([recent.of("key_1", "o").reasons, recent.of("key_1", "gpt").reasons]).toEqual([
      true,
      false,
    ]);
  });
});

describe("keys of one group", () => {
  test("each is expected to do as it did before, whatever the others do", () => {
    const recent = seen([10]);
    recent.of("key_2", "gpt").record({ ...nothing, output: 900 });

    expect(estimate(recent, "gpt", {})).toBe(10);
    expect(recent.of("key_2", "gpt").estimate({})).toBe(900);
  });

  test("a new one is expected to do as all others did, and to think if they do", () => {
    const recent = seen([...upTo(99).fill(10), 10]);
    record(recent, "gpt", 10, 3);

    expect(recent.of("key_2", "gpt").estimate({})).toBe(10);
    expect(recent.of("key_2", "gpt").reasons).toBe(true);
  });
});

test("what is expected follows within ten calls", () => {
  const recent = seen(upTo(50).fill(10));
  expect(estimate(recent, "gpt", {})).toBe(10);

  for (const output of upTo(10).fill(700)) record(recent, "gpt", output);

  expect(estimate(recent, "gpt", {})).toBe(700);
});

test("of more than ten thousand keys and groups the one that was least recently called is forgotten", () => {
  const recent = seen([7]);
  record(recent, "other", 9);
  for (const index of upTo(10_001)) {
    record(recent, `openai/${index}`, 8);
    record(recent, "gpt", 7);
  }

  expect([estimate(recent, "gpt", {}), estimate(recent, "other", {})]).toEqual([7, 400]);
  expect(estimate(recent, "openai/10001", {})).toBe(8);
});
