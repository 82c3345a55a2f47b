import * as fc from "fast-check";
import { expect, test } from "vitest";
import { usageFromTail } from "./usage-tail.ts";
import { readUsage } from "./usage.ts";

const nasty = fc.constantFrom(
  '"usage":{"prompt_tokens":666,"completion_tokens":666}',
  '\\"usage\\":{\\"prompt_tokens\\":666}',
  "\\",
  '\\\\"',
  '"',
  '"}',
  "},{[",
  ',"usage":',
  "usage",
  "\u2028é漢🙂",
  "x".repeat(2_100),
);
const text = fc
  .array(fc.oneof(nasty, fc.string({ unit: "grapheme" })), { maxLength: 5 })
  .map((parts) => parts.join(""));
const key = fc.oneof(
  fc.constantFrom("id", "choices", "usage", "Usage", "usage ", "\\usage", 'usage"'),
  text,
);
const counts = fc.record({
  prompt_tokens: fc.nat(10_000),
  completion_tokens: fc.nat(10_000),
  total_tokens: fc.nat(40_000),
  prompt_tokens_details: fc.record({ cached_tokens: fc.nat(5_000) }),
  nöte: text,
});
const { value } = fc.letrec((tie) => ({
  value: fc.oneof(
    { depthSize: "small" },
    text,
    fc.constantFrom(null, true, 0, -1.5e-7),
    counts,
    fc.array(tie("value"), { maxLength: 4 }),
    fc
      .array(fc.tuple(key, tie("value")), { maxLength: 4 })
      .map((entries) => Object.fromEntries(entries)),
  ),
}));
const members = fc.array(fc.tuple(key, value), { maxLength: 5 });
const indent = fc.constantFrom(undefined, 2, "\t\r\n ");
const ending = fc.constantFrom("", "\n", " \r\n\t");

function reference(body: Buffer) {
  try {
    return readUsage(JSON.parse(body.toString())?.usage);
  } catch {
    return undefined;
  }
}

function expectSame(body: string): void {
  expect(usageFromTail(Buffer.from(body))).toEqual(reference(Buffer.from(body)));
}

test("it reads what parsing the whole reply would, wherever usage stands and whatever the texts hold", () => {
  fc.assert(
    fc.property(members, counts, members, indent, ending, (before, usage, after, space, end) => {
      const reply = [...before, ["usage", usage], ...after] as [string, unknown][];
      // Written member by member, since an object cannot hold the same key twice and JSON can.
      const body = reply.map(
        ([name, content]) => `${JSON.stringify(name)} : ${JSON.stringify(content, null, space)}`,
      );
      expectSame(`{${body.join(" , ")}}${end}`);
    }),
    { numRuns: 2_000 },
  );
});

test("any JSON at all gives what parsing gives", () => {
  fc.assert(
    fc.property(value, indent, ending, (content, space, end) =>
      expectSame(JSON.stringify(content, null, space) + end),
    ),
    { numRuns: 1_000 },
  );
});

test("a reply that was cut off, wherever, has no usage", () => {
  const reply = JSON.stringify({
    choices: [{ message: { content: 'a "usage":{} b\\' } }],
    usage: { prompt_tokens: 3 },
  });
  for (let length = 0; length < reply.length; length++) expectSame(reply.slice(0, length));
});

const usage = { prompt_tokens: 11, completion_tokens: 7, total_tokens: 18 };
const expected = {
  input: 11,
  cache_read: 0,
  cache_write: 0,
  input_audio: 0,
  output: 7,
  reasoning: 0,
  output_audio: 0,
};

test.each([
  [
    "at the end",
    JSON.stringify({
      id: "x",
      choices: [{ message: { content: '"usage":{"prompt_tokens":1}' } }],
      usage,
    }),
  ],
  [
    "at the start of a long reply",
    JSON.stringify({ usage, choices: [{ text: '"'.repeat(9_000) }] }),
  ],
  ["with its key escaped", `{"a":1,"\\u0075sage":${JSON.stringify(usage)}}`],
  ["the last of two", `{"usage":{"prompt_tokens":1},"usage":${JSON.stringify(usage)}}`],
  [
    "before an escaped second",
    `{"usage":{"prompt_tokens":1},"\\u0075sage":${JSON.stringify(usage)}}`,
  ],
  [
    "before a nested one",
    JSON.stringify({ usage, x_groq: { usage: { prompt_tokens: 1 } }, last: [{ usage: 1 }] }),
  ],
  [
    "when a string spans the edge of the window",
    JSON.stringify({ usage, text: `${"a".repeat(2_020)}\\"`.repeat(3) }),
  ],
])("finds usage %s", (_, body) => {
  expect(usageFromTail(Buffer.from(body))).toEqual(expected);
});

test.each([
  "",
  " ",
  "null",
  "[]",
  '"usage"',
  "{}",
  "}",
  '{"usage":null}',
  '{"usage":',
  '{"a":"\\"usage\\":{}"}',
  "<html>}</html>",
])("%j has no usage", (body) => {
  expect(usageFromTail(Buffer.from(body))).toBeUndefined();
});
