import * as fc from "fast-check";
import { expect, test } from "vitest";
import { picodollarsFromUsd, usdFromPicodollars, usdTextFromPicodollars } from "./money.ts";

const amount = fc.bigInt({ min: -(10n ** 30n), max: 10n ** 30n });

test("an amount survives being written as text and read again", () => {
  fc.assert(
    fc.property(
      amount,
      (picodollars) => picodollarsFromUsd(usdTextFromPicodollars(picodollars)) === picodollars,
    ),
  );
});

test("the text of an amount is plain decimal, without trailing zeros or a bare point", () => {
  fc.assert(
    fc.property(amount, (picodollars) =>
      /^-?(0|[1-9]\d*)(\.\d{0,11}[1-9])?$/.test(usdTextFromPicodollars(picodollars)),
    ),
  );
});

test("a number with at most twelve decimals comes back from the wire as it went in", () => {
  const usd = fc.tuple(
    fc.integer({ min: -(10 ** 15) + 1, max: 10 ** 15 - 1 }),
    fc.integer({ min: 0, max: 12 }),
  );
  fc.assert(
    fc.property(usd, ([digits, decimals]) => {
      const number = Number(`${digits}e-${decimals}`);
      expect(usdFromPicodollars(picodollarsFromUsd(number))).toBe(number === 0 ? 0 : number);
    }),
  );
});

test("sums are exact where doubles are not", () => {
  expect(0.1 + 0.2).not.toBe(0.3);
  expect(picodollarsFromUsd(0.1) + picodollarsFromUsd(0.2)).toBe(picodollarsFromUsd(0.3));

  const cents = fc.array(fc.integer({ min: -1_000_000, max: 1_000_000 }), { maxLength: 200 });
  fc.assert(
    fc.property(cents, (parts) => {
      const total = parts.reduce((sum, part) => sum + picodollarsFromUsd(part / 100), 0n);
      expect(total).toBe(BigInt(parts.reduce((sum, part) => sum + part, 0)) * 10_000_000_000n);
    }),
  );
});

test("scientific notation is read by its value, whichever way the point was moved", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: -(10 ** 9), max: 10 ** 9 }),
      fc.integer({ min: -12, max: 12 }),
      (digits, exponent) => {
        const expected = BigInt(digits) * 10n ** BigInt(12 + exponent);
        expect(picodollarsFromUsd(`${digits}e${exponent}`)).toBe(expected);
        expect(picodollarsFromUsd(`${digits}.000E${exponent}`)).toBe(expected);
      },
    ),
  );
});

test.each([
  [1e-7, 100_000n],
  [2.5e-7, 250_000n],
  [1e-12, 1n],
  [-1e-7, -100_000n],
  [-0, 0n],
  [1e21, 10n ** 33n],
  ["1.5e+3", 1_500_000_000_000_000n],
  [" 0.10 ", 100_000_000_000n],
  ["0.0000000000010000", 1n],
  ["3.", 3_000_000_000_000n],
])("%j USD is %s picodollars", (usd, picodollars) => {
  expect(picodollarsFromUsd(usd)).toBe(picodollars);
});

test.each([
  [0n, "0"],
  [-1n, "-0.000000000001"],
  [-1_500_000_000_000n, "-1.5"],
  [106_500_000n, "0.0001065"],
  [10n ** 33n, "1000000000000000000000"],
])("%s picodollars are written as %j", (picodollars, text) => {
  expect(usdTextFromPicodollars(picodollars)).toBe(text);
});

test("an amount finer than a picodollar is refused, not rounded", () => {
  const fine = fc.tuple(fc.bigInt({ min: 1n, max: 10n ** 20n }), fc.integer({ min: 13, max: 40 }));
  fc.assert(
    fc.property(
      fine.filter(([digits, decimals]) => digits % 10n ** BigInt(decimals - 12) !== 0n),
      ([digits, decimals]) => {
        expect(() => picodollarsFromUsd(`${digits}e-${decimals}`)).toThrow(RangeError);
        expect(() => picodollarsFromUsd(`-${digits}e-${decimals}`)).toThrow("finer than 1e-12");
      },
    ),
  );
});

test.each([
  "",
  " ",
  "abc",
  "1,5",
  "1e",
  "e5",
  ".5",
  "+1",
  "--1",
  "0x10",
  "1 2",
  "1_000",
  NaN,
  Infinity,
  -Infinity,
  "1e400",
  "1e-400",
])("%j is not an amount of USD", (usd) => {
  expect(() => picodollarsFromUsd(usd)).toThrow(RangeError);
});
