import * as fc from "fast-check";
import { expect, test } from "vitest";
import { firstUuidAt, uuidv7 } from "./uuid.ts";

const lastMs = 2 ** 48 - 1;

test("an id says when it was made, that it is a UUIDv7, and nothing else twice", () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: lastMs }), (atMs) => {
      const id = uuidv7(atMs);
      expect(id).toMatch(/^[\da-f]{8}-[\da-f]{4}-7[\da-f]{3}-[89ab][\da-f]{3}-[\da-f]{12}$/);
      expect(Number.parseInt(id.slice(0, 8) + id.slice(9, 13), 16)).toBe(atMs);
      expect(id >= firstUuidAt(atMs)).toBe(true);
      if (atMs < lastMs) expect(id < firstUuidAt(atMs + 1)).toBe(true);
    }),
  );
});

test("of ten thousand ids of one moment no two are the same, and every random bit is either", () => {
  const atMs = Date.now();
  const ids = Array.from({ length: 10_000 }, () => uuidv7(atMs));
  expect(new Set(ids).size).toBe(ids.length);

  const values = ids.map((id) => BigInt(`0x${id.replaceAll("-", "")}`));
  const ever = values.reduce((all, value) => all | value);
  const always = values.reduce((all, value) => all & value);
  // 12 bits behind the version, 62 behind the variant.
  expect(ever ^ always).toBe((0xfffn << 64n) | (2n ** 62n - 1n));
});

test("without a moment an id is of now", () => {
  const before = Date.now();
  const id = uuidv7();
  expect(id >= firstUuidAt(before) && id < firstUuidAt(Date.now() + 1)).toBe(true);
});
