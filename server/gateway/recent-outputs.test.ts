import { endpoints } from "./endpoints.ts";
import { askedCap } from "./output-limit.ts";
import { describe, expect, test } from "vitest";
import type { Usage } from "../../shared/spend.ts";
import { type OutputHistory, RecentOutputs } from "./recent-outputs.ts";

const nothing: Usage = {
  input: 0,
  cache_read: 0,
  cache_write: 0,
  cache_write_1h: 0,
  input_audio: 0,
  output: 0,
  reasoning: 0,
  output_audio: 0,
};

const usageOf = (output: number): Usage => ({ ...nothing, output });

/** What a key saw of a group. */
function seen(outputs: readonly number[]): OutputHistory {
  const history = new RecentOutputs().of("key_1", "gpt");
  for (const output of outputs) history.record(usageOf(output));
  return history;
}

const upTo = (count: number, first = 1) =>
  Array.from({ length: count }, (_, index) => first + index);

describe("what a call is expected to generate", () => {
  test("a model that nobody has called has a default", () => {
    expect(seen([]).estimate(undefined)).toBe(400);
  });

  test("one call is enough to go by", () => {
    expect(seen([7]).estimate(undefined)).toBe(7);
    expect(seen([0]).estimate(undefined)).toBe(0);
  });

  test("one long answer in a hundred does not set it, one in ten does", () => {
    expect(seen([...upTo(99).fill(10), 5_000]).estimate(undefined)).toBe(10);
    expect(seen([...upTo(90).fill(10), ...upTo(10).fill(5_000)]).estimate(undefined)).toBe(5_000);
  });

  test("it is the 95th percentile, in whatever order the outputs came, by number and not by text", () => {
    expect(seen(upTo(100)).estimate(undefined)).toBe(96);
    expect(seen(upTo(100).toReversed()).estimate(undefined)).toBe(96);
  });

  test("only the last hundred calls count", () => {
    expect(seen([...upTo(100).fill(9_000), ...upTo(100)]).estimate(undefined)).toBe(96);
    expect(
      seen([...upTo(94).fill(1), ...upTo(6).fill(9_000), ...upTo(94).fill(2)]).estimate(undefined),
    ).toBe(9_000);
  });

  test("asking changes nothing, and what is recorded later counts after ten more calls at the latest", () => {
    const history = seen([30, 10, 20]);
    expect([history.estimate(undefined), history.estimate(undefined)]).toEqual([30, 30]);
    for (const output of upTo(9, 100)) {
      history.record(usageOf(output));
      history.estimate(undefined);
    }
    history.record(usageOf(5_000));
    for (const more of upTo(10)) history.record(usageOf(5_000 - more));
    expect(history.estimate(undefined)).toBeGreaterThan(4_900);
  });

  test("the first calls count at once, asked between them or not", () => {
    const history = seen([]);
    for (const output of upTo(9)) {
      history.record(usageOf(output));
      expect(history.estimate(undefined)).toBe(output);
    }
  });

  test.each([
    ["chat/completions", { max_tokens: 50 }, 50],
    ["chat/completions", { max_completion_tokens: 60 }, 60],
    ["chat/completions", { max_tokens: 50, max_completion_tokens: 60 }, 60],
    ["chat/completions", { max_completion_tokens: null, max_tokens: 50 }, 50],
    ["chat/completions", { max_tokens: 1_000 }, 100],
    ["chat/completions", { max_tokens: null }, 100],
    ["chat/completions", { max_tokens: "50" }, 100],
    ["messages", { max_tokens: 50, max_completion_tokens: 1 }, 50],
    ["responses", { max_output_tokens: 50, max_tokens: 1 }, 50],
  ])("a call of %s with %o is expected to generate %i", (name, request, expected) => {
    const endpoint = endpoints.find((one) => one.name === name);
    const cap = endpoint && askedCap(endpoint, request);
    expect(seen([100]).estimate(cap)).toBe(expected);
  });
});

describe("whose calls are gone by", () => {
  test("a key goes by its own, as long as it has none by those of all keys", () => {
    const recent = new RecentOutputs();
    const [chatty, terse] = [recent.of("key_1", "gpt"), recent.of("key_2", "gpt")];
    chatty.record(usageOf(900));
    expect(terse.estimate(undefined)).toBe(900);
    expect(recent.of("key_3", "gpt").estimate(undefined)).toBe(900);
    terse.record(usageOf(10));
    expect([chatty.estimate(undefined), terse.estimate(undefined)]).toEqual([900, 10]);
  });

  test("groups do not mix, for a key or for all", () => {
    const recent = new RecentOutputs();
    recent.of("key_1", "gpt").record(usageOf(10));
    recent.of("key_1", "claude").record(usageOf(900));
    expect(recent.of("key_1", "gpt").estimate(undefined)).toBe(10);
    expect(recent.of("key_2", "claude").estimate(undefined)).toBe(900);
    expect(recent.of("key_1", "other").estimate(undefined)).toBe(400);
  });

  test("the same key and group have one history", () => {
    const recent = new RecentOutputs();
    expect(recent.of("key_1", "gpt")).toBe(recent.of("key_1", "gpt"));
  });
});

describe("whether a group reasons", () => {
  test("it does not until it was seen to", () => {
    expect(seen([10]).reasons).toBe(false);
  });

  test("once seen it stays so, for every key and of that group only", () => {
    const recent = new RecentOutputs();
    const history = recent.of("key_1", "o");
    history.record({ ...usageOf(10), reasoning: 3 });
    history.record(usageOf(10));
    recent.of("key_1", "gpt").record(usageOf(10));
    expect([history.reasons, recent.of("key_2", "o").reasons]).toEqual([true, true]);
    expect(recent.of("key_1", "gpt").reasons).toBe(false);
  });
});

test("of more than ten thousand keys and groups the one that was least recently called is forgotten", () => {
  const recent = new RecentOutputs();
  recent.of("key_1", "gpt").record(usageOf(7));
  recent.of("key_1", "other").record(usageOf(9));
  for (const index of upTo(9_999)) {
    recent.of("key_1", `openai/${index}`).record(usageOf(8));
    recent.of("key_1", "gpt").record(usageOf(7));
  }
  expect(recent.of("key_1", "gpt").estimate(undefined)).toBe(7);
  expect(recent.of("key_1", "openai/1").estimate(undefined)).toBe(8);
  recent.of("key_1", "one more");
  expect(recent.of("key_1", "other").estimate(undefined)).toBe(400);
});
