import { z } from "zod";
import { expiryAfter } from "./duration.ts";
import { picodollarsFromUsd } from "./money.ts";
import { plainText } from "./text.ts";

/** USD. The bound is far above any budget, and keeps sums of picodollars within the 38 digits of their columns. */
export const usdAmount = z
  .number()
  .min(0)
  .max(1e15)
  .refine(isExact, "must be an amount of USD no finer than 1e-12");

function isExact(usd: number): boolean {
  try {
    picodollarsFromUsd(usd);
    return true;
  } catch {
    return false;
  }
}

/** How long a window of a budget is. `1d`, `1w` and `1mo` are those of the calendar. */
export const budgetDuration = z
  .string()
  .refine(
    (text) => expiryAfter(text, new Date(0)) !== undefined,
    'must be a duration such as "12h", "1d" or "1mo", of at most 1000 years',
  );

const budgetLimit = z.strictObject({ max_budget: usdAmount, budget_duration: budgetDuration });
export type BudgetLimit = z.infer<typeof budgetLimit>;

export const budgetLimits = z
  .array(budgetLimit)
  .max(10)
  .refine(
    (limits) => new Set(limits.map((limit) => limit.budget_duration)).size === limits.length,
    "must not name one budget_duration twice",
  );

/** The budget of one model group. `budget_limit` and `time_period` are other names for the same two fields. */
export const modelBudget = z
  .strictObject({
    max_budget: usdAmount.nullish(),
    budget_limit: usdAmount.nullish(),
    budget_duration: budgetDuration.nullish(),
    time_period: budgetDuration.nullish(),
  })
  .refine(
    ({ max_budget, budget_limit }) =>
      (max_budget ?? null) === null || (budget_limit ?? null) === null,
    "must have max_budget or budget_limit, not both",
  )
  .refine(
    ({ budget_duration, time_period }) =>
      (budget_duration ?? null) === null || (time_period ?? null) === null,
    "must have budget_duration or time_period, not both",
  )
  .transform(({ max_budget, budget_limit, budget_duration, time_period }, context) => {
    const amount = max_budget ?? budget_limit;
    if (typeof amount === "number")
      return { max_budget: amount, budget_duration: budget_duration ?? time_period ?? null };
    context.addIssue({ code: "custom", message: "must have a max_budget" });
    return z.NEVER;
  });
export type ModelBudget = z.output<typeof modelBudget>;

/** The name of a model group. */
const groupName = plainText.min(1).max(255);

/** Each is a budget of its own that its calls are held against, so there is an end to them. */
const maxModelBudgets = 100;

export function modelBudgets<Schema extends z.ZodType<ModelBudget>>(schema: Schema) {
  return z
    .record(groupName, schema)
    .refine(
      (budgets) => Object.keys(budgets).length <= maxModelBudgets,
      `must not name more than ${maxModelBudgets} model groups`,
    );
}

const modelMaxBudget = modelBudgets(
  z.union(
    [usdAmount.transform((usd) => ({ max_budget: usd, budget_duration: null })), modelBudget],
    {
      error: 'must be a number of USD, or as in {max_budget: 5, budget_duration: "30d"}',
    },
  ),
);

/** A number of requests, tokens or calls at once. 0 refuses all. */
export const callLimit = z.number().int().min(0);
export const callLimitsByModel = z.record(groupName, callLimit);

/** What a caller may spend. Null, and a field that is left out, limits nothing. */
export const budgetFields = {
  /** USD in each `budget_duration`. 0 refuses every call that costs. */
  max_budget: usdAmount.nullish(),
  /** USD in each `budget_duration`, beyond which nothing is refused. */
  soft_budget: usdAmount.nullish(),
  /** How long the windows of `max_budget` and `soft_budget` are; null is one window without an end. */
  budget_duration: budgetDuration.nullish(),
  /** Further budgets at the same time, each with windows of its own length. */
  budget_limits: budgetLimits.nullish(),
  /** Model group → USD, or USD in each `budget_duration`. */
  model_max_budget: modelMaxBudget.nullish(),
};

/** How often a caller may call. Null, and a field that is left out, limits nothing. */
export const limitFields = {
  /** Requests in a minute. */
  rpm_limit: callLimit.nullish(),
  /** Tokens in a minute. */
  tpm_limit: callLimit.nullish(),
  max_parallel_requests: callLimit.nullish(),
  /** Model group → requests in a minute. */
  model_rpm_limit: callLimitsByModel.nullish(),
  /** Model group → tokens in a minute. */
  model_tpm_limit: callLimitsByModel.nullish(),
};

const moment = z.iso.datetime({ offset: true });

/** The moment that a text names by itself, or by its distance from now. */
export function momentOf(text: string, now: Date): Date | undefined {
  const end = expiryAfter(text, now);
  if (end) return end;
  const read = new Date(moment.safeParse(text).data ?? Number.NaN);
  // Years beyond have other than four digits, which Postgres does not read.
  return read.getUTCFullYear() >= 1970 && read.getUTCFullYear() <= 9999 ? read : undefined;
}

/** A raise of `max_budget` for a while: both fields or neither. */
export const temporaryBudgetFields = {
  /** USD that `max_budget` is raised by until `temp_budget_expiry`. */
  temp_budget_increase: usdAmount.nullish(),
  /** A moment with its offset, `2030-01-31T00:00:00Z`, or a duration from now. */
  temp_budget_expiry: z
    .string()
    .refine(
      (text) => momentOf(text, new Date(0)) !== undefined,
      'must be a moment with its offset, such as "2030-01-31T00:00:00Z", or a duration such as "7d"',
    )
    .nullish(),
};
