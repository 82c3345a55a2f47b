import { describe, expect, test } from "vitest";
import { redact } from "./log.ts";

describe("what is secret is replaced", () => {
  test.each([
    ["sk-abcd1234", "sk-***"],
    ["key gsk_AbC123xyz.", "key gsk_***"],
    ["hf_abcdEFGH", "hf_***"],
    ["xai-abcd1234", "xai-***"],
    ["pplx-abcd1234", "pplx-***"],
    ["fw_abcd1234", "fw_***"],
    ["Authorization: Bearer abc.def~+/=", "Authorization: Bearer ***"],
    ["authorization: basic dXNlcjpwYXNz", "authorization: basic ***"],
    ['{"api_key":"abc","a":1}', '{"api_key":"***","a":1}'],
    ['{"api-key": "abc"}', '{"api-key": "***"}'],
    ['{"x-api-key":"abc"}', '{"x-api-key":"***"}'],
    ['{"apiKey":"abc"}', '{"apiKey":"***"}'],
    ['{"authorization":"abc def"}', '{"authorization":"***"}'],
    ["{'api_key': 'abc'}", "{'api_key': '***'}"],
    // A body that was quoted in a message.
    ['{"msg":"{\\"api_key\\":\\"abc\\"}"}', '{"msg":"{\\"api_key\\":\\"***\\"}"}'],
    ["GET /v1?key=abc&a=1", "GET /v1?key=***&a=1"],
    ["GET /v1?a=1&key=abc", "GET /v1?a=1&key=***"],
    ["GET /spend/logs?api_key=abc#x", "GET /spend/logs?api_key=***#x"],
    ["postgres://ann:pass@db:5432/keys", "postgres://ann:***@db:5432/keys"],
    ["postgres://ann:p/a@s:s@db/keys", "postgres://ann:***@db/keys"],
    ["postgres://:pass@db", "postgres://:***@db"],
    ["http://a/b,postgres://ann:pass@db", "http://a/b,postgres:***@db"],
  ])("%s", (text, redacted) => {
    expect(redact(text)).toBe(redacted);
  });
});

describe("what is not secret stays", () => {
  test.each([
    "ask-me-later",
    "sk-…",
    "key_0123456789abcdef",
    "http://127.0.0.1:8000/v1/models?a=b",
    "write to ann@example.com",
    '{"url":"http://127.0.0.1:8000","mail":"ann@example.com"}',
    '{"api_key":null,"monkey":"abc"}',
    "GET /key/info?page=1",
  ])("%s", (text) => {
    expect(redact(text)).toBe(text);
  });
});

test("a long line of nothing but beginnings is read in a moment", () => {
  const text = ["a://b:", "sk-a", '"api_key":', "?key=", "a.a-"]
    .map((part) => part.repeat(50_000))
    .join(" ");
  const startedAt = performance.now();
  redact(text);
  expect(performance.now() - startedAt).toBeLessThan(3_000);
});
