import * as fc from "fast-check";
import { expect, test } from "vitest";
import { Members } from "./members.ts";

const text = fc.oneof(
  fc.string({ unit: "grapheme" }),
  fc.constantFrom('"', "}", "]", '{"in":', "\\", '\\"', "x".repeat(40)),
);
const scalar = fc.oneof(text, fc.integer(), fc.boolean(), fc.constant(null));
const { node: tree } = fc.letrec((tie) => ({
  node: fc.dictionary(
    fc.oneof(fc.constantFrom("in", "other"), text),
    fc.oneof(
      { arbitrary: scalar, weight: 3 },
      tie("node"),
      fc
        .tuple(tie("node"), fc.array(fc.oneof(scalar, tie("node")), { maxLength: 3 }))
        .map(([first, rest]) => [first, ...rest]),
      fc.array(scalar, { maxLength: 3 }),
    ),
    { noNullPrototype: true, maxKeys: 5 },
  ),
}));

/** Every member with its value or, where it was gone into, what stands in there. */
function walk(members: Members, json: Buffer, goesInto: (name: string) => boolean): unknown[] {
  const seen: unknown[] = [];
  while (members.next()) {
    const name = members.name();
    if (goesInto(name) && members.enter()) seen.push([name, walk(members, json, goesInto)]);
    else seen.push([name, JSON.parse(json.toString("utf8", members.valueStart, members.valueEnd))]);
  }
  return seen;
}

function walkParsed(value: object, goesInto: (name: string) => boolean): unknown[] {
  return Object.entries(value).map(([name, inner]) => {
    const first: unknown = Array.isArray(inner) ? inner[0] : inner;
    const isObject = typeof first === "object" && first !== null && !Array.isArray(first);
    return [name, goesInto(name) && isObject ? walkParsed(first, goesInto) : inner];
  });
}

test("wherever a walk goes into values, it sees what a parse sees, and goes on behind them", () => {
  fc.assert(
    fc.property(tree, fc.constantFrom(undefined, 1, "\t"), (value, indent) => {
      const json = Buffer.from(JSON.stringify(value, null, indent));
      const within = { start: 0, end: json.length };
      const parsed: object = JSON.parse(json.toString());
      for (const goesInto of [() => true, () => false, (name: string) => name === "in"])
        expect(walk(new Members().of(json, within), json, goesInto)).toEqual(
          walkParsed(parsed, goesInto),
        );
    }),
  );
});

test("a walk through anything comes to an end, within its bounds", () => {
  const pieces = fc.constantFrom("{", "}", "[", "]", '"', ":", ",", "\\", "a", " ", '{"in":');
  fc.assert(
    fc.property(fc.array(pieces, { maxLength: 40 }), fc.nat(20), (parts, outside) => {
      const json = Buffer.from(parts.join("") + '"}'.repeat(outside));
      const end = json.length - 2 * outside;
      const members = new Members().of(json, { start: 0, end });
      let steps = 0;
      for (let depth = 1; depth > 0;) {
        steps += 1;
        if (!members.next()) depth -= 1;
        else if (members.enter()) depth += 1;
        else expect(members.valueEnd).toBeLessThanOrEqual(end);
      }
      expect(steps).toBeLessThanOrEqual(2 * json.length + 1);
    }),
  );
});
