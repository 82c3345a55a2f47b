import { expect, test } from "vitest";
import { traitsOf } from "./model-traits.ts";

test.each([
  ["claude-3-haiku-20240307", "none", "all", 4_096],
  ["claude-3-5-sonnet-20241022", "none", "all", 8_192],
  ["claude-3-7-sonnet-latest", "budget", "all", 64_000],
  ["claude-sonnet-4-20250514", "budget", "all", 64_000],
  ["claude-opus-4@20250514", "budget", "all", 32_000],
  ["claude-opus-4-1-20250805", "budget", "one", 32_000],
  ["claude-haiku-4-5-20251001", "budget", "one", 64_000],
  ["us.anthropic.claude-sonnet-4-5-20250929-v1:0", "budget", "one", 64_000],
  ["claude-opus-4-6", "either", "one", 128_000],
  ["claude-opus-4-7", "adaptive", "none", 128_000],
  ["claude-opus-4.8", "adaptive", "none", 128_000],
  ["claude-sonnet-5", "adaptive", "none", 128_000],
  ["claude-haiku-5-5", "adaptive", "none", 128_000],
  ["claude-opus-5-5", "always", "none", 128_000],
  ["claude-fable-5", "always", "none", 128_000],
  ["claude-mythos-preview", "always", "none", 128_000],
  ["claude-haiku-6", "always", "none", 128_000],
  ["kimi-k2", "budget", "all", 8_192],
])(
  "%s thinks: %s, samples: %s, answers with %i tokens at most",
  (model, thinking, sampling, most) => {
    expect(traitsOf(model)).toMatchObject({ thinking, sampling, maxOutputTokens: most });
  },
);

test.each([
  ["claude-opus-4-7", false],
  ["claude-opus-4-8", true],
  ["claude-sonnet-5", true],
  ["claude-haiku-4-5", false],
])("%s takes a system's messages within the conversation: %s", (model, takes) => {
  expect(traitsOf(model).hasSystemMessages).toBe(takes);
});

test.each([
  ["claude-opus-5", true],
  ["claude-opus-5-5", false],
  ["claude-sonnet-5-5", false],
  ["claude-haiku-5-5", true],
  ["claude-fable-5", true],
  ["claude-fable-5-1", false],
])("%s can be made to call a tool: %s", (model, can) => {
  expect(traitsOf(model).hasForcedTools).toBe(can);
});
