import * as fc from "fast-check";
import { expect, test } from "vitest";
import { unitRate } from "./unit-rate.ts";

test.each([
  [2.5, 1_000_000n, 2_500_000n],
  [0.08333333333333334, 1_000_000n, 83_333n],
  [12, 1_000n, 12_000_000_000n],
  [1e-7, 1n, 100_000n],
  [8.3333335e-8, 1n, 83_333n],
  [0, 1n, 0n],
])("%d USD for %s units is %s picodollars each", (usd, units, rate) => {
  expect(unitRate(usd, units)).toBe(rate);
});

test("half a picodollar is rounded up, less than half down", () => {
  expect(unitRate(1.0000005, 1_000_000n)).toBe(1_000_001n);
  expect(unitRate(1.00000049, 1_000_000n)).toBe(1_000_000n);
  expect(unitRate(5e-13)).toBe(1n);
  expect(unitRate(4.9e-13)).toBe(0n);
});

test("a price per million tokens with up to six decimals has an exact rate", () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 10 ** 9 }), (micros) => {
      expect(unitRate(micros / 1e6, 1_000_000n)).toBe(BigInt(micros));
    }),
  );
});

test.each([-1, -1e-9, NaN, Infinity])("%d is refused as a price", (usd) => {
  expect(() => unitRate(usd)).toThrow(RangeError);
});
