import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { countItems, editMembers, findMembers, findMembersOfWhole } from "./json-members.ts";

const nastyText = fc.oneof(
  fc.string({ unit: "grapheme" }),
  fc.constantFrom(
    '"model":"evil"',
    '\\"model\\":',
    "}",
    '{"model":"x"}',
    "\\",
    '\\"',
    "\u2028",
    '","model":"y',
  ),
);
const longText = fc
  .tuple(fc.integer({ min: 18, max: 30 }), nastyText)
  .map(([length, text]) => "x".repeat(length) + text);
const member = fc.oneof(
  fc.constantFrom("model", "usage", "stream", "m\u006fdel", "mo\\del"),
  nastyText,
);
const object = fc.dictionary(
  member,
  fc.oneof(
    nastyText,
    longText,
    fc.jsonValue(),
    fc.record({ model: longText, deep: fc.array(fc.record({ usage: nastyText })) }),
  ),
  { noNullPrototype: true },
);
const spaces = fc.constantFrom(undefined, 1, 2, "\t");

function find(json: string, name: string): unknown {
  const bytes = Buffer.from(json);
  const [span] = findMembers(bytes, { start: 0, end: bytes.length }, [Buffer.from(name)]);
  return span && JSON.parse(bytes.toString("utf8", span.start, span.end));
}

describe("findMembers", () => {
  test("finds what a parse finds, whatever strings and nesting surround it", () => {
    fc.assert(
      fc.property(object, spaces, (value, indent) => {
        const json = JSON.stringify(value, null, indent);
        const own = (name: string) =>
          Object.hasOwn(value, name) ? JSON.parse(JSON.stringify(value[name])) : undefined;
        expect(find(json, "model")).toEqual(own("model"));
        expect(find(json, "usage")).toEqual(own("usage"));
      }),
    );
  });

  test("knows a name that is written with escapes, and takes the last of two", () => {
    expect(find(String.raw`{"mod\u0065l":"a"}`, "model")).toBe("a");
    expect(find('{"model":"a","x":1,"model":"b"}', "model")).toBe("b");
  });

  test("takes a name whose escapes are none of JSON's as it stands", () => {
    expect(find(String.raw`{"\q":1,"model":"a"}`, "model")).toBe("a");
    const edits = new Map([["model", Buffer.from('"b"')]]);
    expect(editMembers(Buffer.from(String.raw`{"\q":1,"model":"a"}`), edits).toString()).toBe(
      String.raw`{"\q":1,"model":"b"}`,
    );
  });

  test("finds a member of an object inside the bytes", () => {
    const bytes = Buffer.from('[{"delta":{"content":"hi"}}]');
    const [delta] = findMembers(bytes, { start: 0, end: bytes.length }, [Buffer.from("delta")]);
    const [content] = findMembers(bytes, delta ?? { start: 0, end: 0 }, [Buffer.from("content")]);
    expect(bytes.toString("utf8", content?.start, content?.end)).toBe('"hi"');
  });
});

describe("findMembersOfWhole", () => {
  const names = [Buffer.from("model"), Buffer.from("usage")];

  test("finds in whatever JSON has it the same as the walk that trusts", () => {
    fc.assert(
      fc.property(object, spaces, (value, indent) => {
        fc.pre(Object.keys(value).length > 0);
        const bytes = Buffer.from(`\n${JSON.stringify(value, null, indent)} `);
        expect(findMembersOfWhole(bytes, names)).toEqual(
          findMembers(bytes, { start: 0, end: bytes.length }, names),
        );
      }),
    );
  });

  test.each([
    "",
    "{",
    "{oops}",
    '{"a"}',
    '{"a":}',
    '{"a":1,}',
    '{,"a":1}',
    '{"a":1 "b":2}',
    '{"a"::1}',
    '{"a":1,,"b":2}',
    '{"a":[}',
    '{"a":"b}',
    '{"a":1',
    '{"a":1}garbage{}',
    '{"a":1}}',
    'x{"a":1}',
  ])("refuses %j", (text) => {
    expect(findMembersOfWhole(Buffer.from(text), names)).toBeUndefined();
  });
});

describe("editMembers", () => {
  test("changes, adds and removes as it would on the parsed object, and keeps the rest as it stood", () => {
    const edits = fc.dictionary(member, fc.option(fc.jsonValue()), { noNullPrototype: true });
    fc.assert(
      fc.property(object, edits, spaces, (value, changes, indent) => {
        const expected: Record<string, unknown> = JSON.parse(JSON.stringify(value));
        for (const [name, change] of Object.entries(changes)) {
          if (change === null) delete expected[name];
          else
            Object.defineProperty(expected, name, {
              value: change,
              enumerable: true,
              configurable: true,
              writable: true,
            });
        }
        const bytes = new Map(
          Object.entries(changes).map(([name, change]) => [
            name,
            change === null ? null : Buffer.from(JSON.stringify(change)),
          ]),
        );
        const edited = editMembers(
          Buffer.from(JSON.stringify(value, null, indent)),
          bytes,
        ).toString();
        expect(JSON.parse(edited)).toEqual(JSON.parse(JSON.stringify(expected)));
      }),
    );
  });

  test("leaves no old value of a name that repeats", () => {
    const edited = editMembers(
      Buffer.from('{"model":"allowed","model":"forbidden"}'),
      new Map([["model", Buffer.from('"real"')]]),
    );
    expect(edited.toString()).not.toMatch(/allowed|forbidden/);
  });

  test("keeps numbers as they were written", () => {
    const edited = editMembers(
      Buffer.from('{"seed":12345678901234567890,"t":1.0,"model":"a"}'),
      new Map([["model", Buffer.from('"b"')]]),
    );
    expect(edited.toString()).toBe('{"seed":12345678901234567890,"t":1.0,"model":"b"}');
  });
});

test("the values of an array are counted, whatever stands in them", () => {
  fc.assert(
    fc.property(fc.array(fc.jsonValue()), fc.boolean(), (values, isSpaced) => {
      const json = Buffer.from(JSON.stringify(values, null, isSpaced ? 2 : 0));
      expect(countItems(json, { start: 0, end: json.length })).toBe(values.length);
    }),
  );
});

test.each(["", "{}", "1", '"[1]"', "[", "[,", "[}"])(
  "what is no array has no values: %s",
  (text) => {
    expect(countItems(Buffer.from(text), { start: 0, end: text.length })).toBe(0);
  },
);
