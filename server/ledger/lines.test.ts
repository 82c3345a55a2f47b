import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { LineBuffer, type LineKind, readLines } from "./lines.ts";

interface Written {
  readonly kind: LineKind;
  readonly json: string;
}

const anyKind = fc.constantFrom<LineKind>("H", "C", "O", "S");

/** Whatever a client may send, and what JSON escapes, or leaves as it is. */
const anyText = fc.oneof(
  fc.string({ unit: "binary", maxLength: 40 }),
  fc.constantFrom("\n", "\r\n", "\u0000", "é漢🦆", "\ud83d", "\udd86\ud83d", "\u2028", '"\\'),
);

const anyLine: fc.Arbitrary<Written> = fc.record({
  kind: anyKind,
  json: fc.dictionary(anyText, anyText, { maxKeys: 4 }).map((value) => JSON.stringify(value)),
});

const anyLines = fc.array(anyLine, { maxLength: 8 });
const someLines = fc.array(anyLine, { minLength: 1, maxLength: 8 });

function written(lines: readonly Written[]): Buffer {
  const buffer = new LineBuffer();
  for (const { kind, json } of lines) buffer.append(kind, json);
  return Buffer.from(buffer.peek());
}

function read(bytes: Buffer) {
  const { lines, end } = readLines(bytes);
  return { lines: lines.map(({ kind, json }) => ({ kind, json: json.toString() })), end };
}

/** Where each line ends, with its line feed. */
function endsOf(bytes: Buffer): number[] {
  return [...bytes.entries()].filter(([, byte]) => byte === 10).map(([index]) => index + 1);
}

describe("lines", () => {
  test("are read as they were written, with any text", () => {
    fc.assert(
      fc.property(anyLines, (lines) => {
        expect(read(written(lines))).toEqual({ lines, end: "whole" });
      }),
    );
  });

  test("are of one line each, whatever text is in them", () => {
    fc.assert(
      fc.property(anyLines, (lines) => {
        expect(endsOf(written(lines))).toHaveLength(lines.length);
      }),
    );
  });

  test("of any length fit, and those that were there before stay", () => {
    const lines: Written[] = [1, 70_000, 3, 300_000].map((length) => ({
      kind: "S",
      json: JSON.stringify("漢".repeat(length)),
    }));
    expect(read(written(lines))).toEqual({ lines, end: "whole" });
  });

  test("that are cut off anywhere are read up to the last one that is whole", () => {
    fc.assert(
      fc.property(someLines, fc.nat(), (lines, at) => {
        const bytes = written(lines);
        const cut = at % bytes.length;
        const ends = endsOf(bytes).filter((end) => end <= cut);
        expect(read(bytes.subarray(0, cut))).toEqual({
          lines: lines.slice(0, ends.length),
          end: cut === (ends.at(-1) ?? 0) ? "whole" : "torn",
        });
      }),
    );
  });

  test("of which the last is torn lose that one, wherever it was torn", () => {
    const lines: Written[] = [
      { kind: "H", json: '{"journal":1}' },
      { kind: "O", json: '{"id":"é🦆"}' },
    ];
    const bytes = written(lines);
    const [first = 0] = endsOf(bytes);
    for (let cut = first + 1; cut < bytes.length; cut += 1)
      expect(read(bytes.subarray(0, cut))).toEqual({ lines: lines.slice(0, 1), end: "torn" });
  });

  test("of which one byte changed are believed up to that one, and not from it on", () => {
    fc.assert(
      fc.property(someLines, fc.nat(), fc.integer({ min: 1, max: 255 }), (lines, at, flip) => {
        const bytes = written(lines);
        const changed = at % bytes.length;
        const before = endsOf(bytes).filter((end) => end <= changed).length;
        bytes[changed] = (bytes[changed] ?? 0) ^ flip;
        const isEnd = changed === bytes.length - 1;
        expect(read(bytes)).toEqual({
          lines: lines.slice(0, before),
          // Without its line feed a last line is as if it had not been written to its end.
          end: isEnd ? "torn" : "corrupt",
        });
      }),
      { numRuns: 2_000 },
    );
  });

  test("of which one bit changed are never taken for other lines, at any bit of them", () => {
    const lines: Written[] = (["H", "C", "O", "S"] as const).map((kind) => ({
      kind,
      json: '{"id":"0123"}',
    }));
    const bytes = written(lines);
    for (let bit = 0; bit < bytes.length * 8; bit += 1) {
      const changed = Buffer.from(bytes);
      changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      const before = endsOf(bytes).filter((end) => end <= bit >> 3).length;
      expect(read(changed).lines).toEqual(lines.slice(0, before));
    }
  });

  test("that were never written are none", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (noise) => {
        expect(read(Buffer.from(noise)).lines).toEqual([]);
      }),
    );
    for (const text of ["\n", "S\n", "S00000000\n", "X00000000{}\n", "S{}\n"])
      expect(read(Buffer.from(text))).toEqual({ lines: [], end: "corrupt" });
  });
});

describe("a buffer", () => {
  test("drops the lines of a kind and keeps the others in their order", () => {
    fc.assert(
      fc.property(anyLines, anyKind, anyLines, (lines, kind, more) => {
        const buffer = new LineBuffer();
        for (const line of lines) buffer.append(line.kind, line.json);
        buffer.remove(kind);
        for (const line of more) buffer.append(line.kind, line.json);
        const kept = lines.filter((line) => line.kind !== kind);
        expect(read(buffer.peek())).toEqual({ lines: [...kept, ...more], end: "whole" });
      }),
    );
  });

  test("is empty once cleared, and takes lines again", () => {
    const buffer = new LineBuffer();
    buffer.append("S", '{"a":1}');
    buffer.clear();
    expect([buffer.length, buffer.peek().length]).toEqual([0, 0]);
    buffer.append("O", '{"b":2}');
    expect(read(buffer.peek())).toEqual({ lines: [{ kind: "O", json: '{"b":2}' }], end: "whole" });
  });
});
