import * as fc from "fast-check";
import { expect, test } from "vitest";
import { cumulative, emptyDistribution, observe } from "./distribution.ts";

const bounds = [10, 20, 40];

test("every bucket holds the values up to its bound, and the last one all of them", () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 50 })), (values) => {
      const distribution = emptyDistribution(bounds);
      for (const value of values) observe(distribution, bounds, value);

      expect(cumulative(distribution, bounds)).toEqual([
        ...bounds.map((bound) => [bound, values.filter((value) => value <= bound).length]),
        ["+Inf", values.length],
      ]);
      expect(distribution.sum).toBe(values.reduce((sum, value) => sum + value, 0));
    }),
  );
});
