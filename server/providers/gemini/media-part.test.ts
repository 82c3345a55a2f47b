import { expect, test } from "vitest";
import { parseDataUrl } from "./data-url.ts";
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

test.each([
  ["data:image/png;base64,AAAA", { mimeType: "image/png", data: "AAAA" }],
  ["DATA:Image/PNG;charset=x;BASE64,AAAA", { mimeType: "image/png", data: "AAAA" }],
  ["data:,a%20b", { mimeType: "text/plain", data: "YSBi" }],
  ["data:text/csv,a,b", { mimeType: "text/csv", data: "YSxi" }],
  ["data:image/png;base64", undefined],
  ["data:,%", undefined],
  ["https://example.com/,", undefined],
])("%s", (url, expected) => {
  expect(parseDataUrl(url)).toEqual(expected);
});
