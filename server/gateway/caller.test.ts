import { expect, test } from "vitest";
import { userApiKeyAuth } from "../../shared/custom-auth.ts";
import type { Budget } from "../store/budgets.ts";
import { admin, callerBudget, callerOfCustomAuth } from "./caller.ts";

const budget: Budget = {
  id: 7,
  slot: "max_budget",
  model: null,
  cap: 1n,
  soft_cap: null,
  temp_increase: 0n,
  temp_expires: null,
  duration: null,
};

test("a budget is named as its owner knows it", () => {
  const named = [
    [{}, "max_budget"],
    [{ duration: "30d" }, "max_budget for 30d"],
    [{ slot: "limit:1d", duration: "1d" }, "budget_limits for 1d"],
    [{ slot: "model:gpt", model: "gpt" }, 'model_max_budget of "gpt"'],
    [
      { slot: "model:max_budget", model: "max_budget", duration: "1h" },
      'model_max_budget of "max_budget" for 1h',
    ],
  ] as const;

  for (const [fields, name] of named) {
    const { slot, model } = { ...budget, ...fields };
    expect(callerBudget({ ...budget, ...fields })).toEqual({ id: 7, slot, model, name });
  }
});

test("a caller of custom auth brings the terms of its budgets, and its limits", () => {
  const answer = userApiKeyAuth.parse({
    api_key: "a",
    max_budget: 0.1,
    soft_budget: 0.05,
    budget_duration: "30d",
    budget_limits: [{ max_budget: 1, budget_duration: "1d" }],
    model_max_budget: { gpt: 2 },
    rpm_limit: 0,
    max_parallel_requests: 3,
    model_tpm_limit: { gpt: 4 },
  });

  const { budgets, budgetTerms, limits } = callerOfCustomAuth(answer);

  expect(budgets).toEqual([]);
  expect(budgetTerms).toMatchObject([
    { slot: "max_budget", cap: 100_000_000_000n, soft_cap: 50_000_000_000n, duration: "30d" },
    { slot: "limit:1d", cap: 1_000_000_000_000n, duration: "1d" },
    { slot: "model:gpt", model: "gpt", cap: 2_000_000_000_000n, duration: null },
  ]);
  expect(limits).toEqual({
    requests: 0,
    tokens: undefined,
    parallel: 3,
    modelRequests: {},
    modelTokens: { gpt: 4 },
  });
});

test("who asks for no budgets and limits has none, as the admin", () => {
  const none = { modelRequests: {}, modelTokens: {} };

  expect(
    callerOfCustomAuth(userApiKeyAuth.parse({ api_key: "a", max_budget: null })),
  ).toMatchObject({ budgets: [], budgetTerms: [], limits: none });
  expect(admin).toMatchObject({ budgets: [], budgetTerms: undefined, limits: none });
});
