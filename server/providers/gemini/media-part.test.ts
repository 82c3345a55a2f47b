import { expect, test } from "vitest";
import { isReadByGoogle } from "./media-part.ts";

test.each([
  ["gs://bucket/a.png", true],
  ["https://generativelanguage.googleapis.com/v1beta/files/abc", true],
  ["https://www.youtube.com/watch?v=1", true],
  ["https://youtu.be/1", true],
  ["https://generativelanguage.googleapis.com/v1beta/models", false],
  ["https://generativelanguage.googleapis.com.evil.example/v1beta/files/abc", false],
  ["https://evil.example/?https://youtu.be/1", false],
  ["http://youtu.be/1", false],
  ["https://example.com/a.png", false],
])("Google reads %s itself: %s", (url, expected) => {
  expect(isReadByGoogle(url)).toBe(expected);
});
