import { expect, test } from "vitest";
import { editDistance, nearest } from "./suggest.ts";

test.each([
  ["", "", 0],
  ["a", "", 1],
  ["model", "model", 0],
  ["modle", "model", 1],
  ["mdel", "model", 1],
  ["modell", "model", 1],
  ["nodel", "model", 1],
  ["kitten", "sitting", 3],
])("from %j to %j is %i", (left, right, distance) => {
  expect(editDistance(left, right)).toBe(distance);
  expect(editDistance(right, left)).toBe(distance);
});

test("the nearest candidate wins over one that is merely near", () => {
  expect(nearest("modle_name", ["model_names", "model_name", "mode_name"])).toBe("model_name");
});

test("capitals do not count", () => {
  expect(nearest("OpenAI", ["azure", "openai"])).toBe("openai");
});

test("nothing is suggested where nothing is near", () => {
  expect(nearest("zzzzzz", ["model_name", "api_key"])).toBeUndefined();
  expect(nearest("n", ["model"])).toBeUndefined();
});
