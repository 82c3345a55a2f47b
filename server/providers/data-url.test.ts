import { expect, test } from "vitest";
import { parseDataUrl } from "./data-url.ts";

test.each([
  ["data:image/png;base64,AAAA", { mediaType: "image/png", base64: "AAAA" }],
  ["DATA:Image/PNG;charset=x;BASE64,AAAA", { mediaType: "image/png", base64: "AAAA" }],
  ["data:,a%20b", { mediaType: "text/plain", base64: "YSBi" }],
  ["data:text/csv,a,b", { mediaType: "text/csv", base64: "YSxi" }],
  ["data:image/png;base64", undefined],
  ["data:,%", undefined],
  ["https://example.com/,", undefined],
])("%s", (url, expected) => {
  expect(parseDataUrl(url)).toEqual(expected);
});
