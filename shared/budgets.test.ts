import { expect, test } from "vitest";
import { z } from "zod";
import { budgetFields, limitFields, momentOf, temporaryBudgetFields } from "./budgets.ts";

const fields = z.strictObject({ ...budgetFields, ...temporaryBudgetFields, ...limitFields });

test("amounts are what picodollars can hold, from nothing to the bound", () => {
  for (const usd of [0, -0, 1e-12, 0.1, 0.100000000001, 123.456789, 1e15, 999_999_999_999.5])
    for (const field of ["max_budget", "soft_budget", "temp_budget_increase"])
      expect(fields.safeParse({ [field]: usd }).success, `${field} ${usd}`).toBe(true);
  for (const usd of [-1e-12, -1, 1e-13, 5e-324, 1.5e-12, 1.1e15, Infinity, NaN, "1", 1n, true])
    for (const field of ["max_budget", "soft_budget", "temp_budget_increase"])
      expect(fields.safeParse({ [field]: usd }).success, `${field} ${String(usd)}`).toBe(false);
});

test("a model's budget is told in either spelling and read in one", () => {
  const { data } = fields.safeParse({
    model_max_budget: {
      a: 5,
      b: { max_budget: 5 },
      c: { budget_limit: 5, time_period: "1d" },
      d: { max_budget: 5, budget_duration: "30d", budget_limit: null, time_period: null },
      e: { budget_limit: 0, budget_duration: null },
    },
  });

  expect(data?.model_max_budget).toEqual({
    a: { max_budget: 5, budget_duration: null },
    b: { max_budget: 5, budget_duration: null },
    c: { max_budget: 5, budget_duration: "1d" },
    d: { max_budget: 5, budget_duration: "30d" },
    e: { max_budget: 0, budget_duration: null },
  });
});

test("a fault in a model's budget is told at its place", () => {
  const faults = {
    a: -1,
    b: "5",
    c: {},
    d: { max_budget: 5, budget_limit: 5 },
    e: { max_budget: 5, budget_duration: "1d", time_period: "1d" },
    f: { max_budget: 1e-13 },
    g: { max_budget: 5, time_period: "1y" },
    h: { max_budget: 5, rpm: 1 },
    i: null,
    j: [],
  };
  for (const [model, value] of Object.entries(faults)) {
    const { error } = fields.safeParse({ model_max_budget: { [model]: value } });
    expect(error?.issues[0]?.path.slice(0, 2), model).toEqual(["model_max_budget", model]);
    expect(error?.issues[0]?.message, model).not.toBe("Invalid input");
  }
});

test("a moment is taken with its offset, or as a distance from now, and never one that a database could not hold", () => {
  const now = new Date("2026-01-31T12:00:00Z");
  expect(momentOf("2030-01-31T00:00:00Z", now)).toEqual(new Date("2030-01-31"));
  expect(momentOf("2030-01-31T00:00:00.5+05:30", now)).toEqual(
    new Date("2030-01-30T18:30:00.500Z"),
  );
  expect(momentOf("36h", now)).toEqual(new Date("2026-02-02T00:00:00Z"));
  expect(momentOf("1mo", now)).toEqual(new Date("2026-02-28T12:00:00Z"));
  for (const text of [
    "2030-01-31",
    "2030-01-31T00:00:00",
    "2030-02-30T00:00:00Z",
    "1969-12-31T23:59:59Z",
    "0000-01-01T00:00:00Z",
    "9999-12-31T23:59:59-12:00",
    "+010000-01-01T00:00:00Z",
    "tomorrow",
    "never",
    "0s",
    "",
  ])
    expect(momentOf(text, now), text).toBeUndefined();
});

test("budget_limits are at most ten, each of another duration", () => {
  const limits = Array.from({ length: 11 }, (_none, n) => ({
    max_budget: n,
    budget_duration: `${n + 1}h`,
  }));
  expect(fields.safeParse({ budget_limits: limits.slice(0, 10) }).success).toBe(true);
  expect(fields.safeParse({ budget_limits: limits }).success).toBe(false);
  expect(fields.safeParse({ budget_limits: [limits[0], limits[0]] }).success).toBe(false);
});
