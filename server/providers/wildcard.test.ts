import { expect, test } from "vitest";
import { captured } from "./wildcard.ts";

test.each([
  ["openai/*", "openai/gpt", "gpt"],
  ["*", "gpt", "gpt"],
  ["*-mini", "gpt-mini", "gpt"],
  ["a*z", "abyz", "by"],
  // Only the first star is one: the second is a character of the name.
  ["a*b*", "axb*", "x"],
  ["openai/*", "openai/", undefined],
  ["*", "", undefined],
  ["ab*ba", "aba", undefined],
  ["ab*ba", "abba", undefined],
  ["openai/*", "azure/gpt", undefined],
  ["*-mini", "gpt-nano", undefined],
  ["gpt", "gpt", undefined],
])("%j takes of %j: %j", (pattern, name, capture) => {
  expect(captured(pattern, name)).toBe(capture);
});
