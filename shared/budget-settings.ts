import { z } from "zod";
import {
  type BudgetLimit,
  budgetFields,
  type ModelBudget,
  momentOf,
  temporaryBudgetFields,
} from "./budgets.ts";

/** All that a caller may spend, in the words of the wire: nothing left out, moments as moments. */
export interface BudgetSettings {
  readonly max_budget: number | null;
  readonly soft_budget: number | null;
  readonly budget_duration: string | null;
  readonly budget_limits: BudgetLimit[];
  readonly model_max_budget: Record<string, ModelBudget>;
  readonly temp_budget_increase: number | null;
  readonly temp_budget_expiry: Date | null;
}

export const noBudgets: BudgetSettings = {
  max_budget: null,
  soft_budget: null,
  budget_duration: null,
  budget_limits: [],
  model_max_budget: {},
  temp_budget_increase: null,
  temp_budget_expiry: null,
};

const changeSchema = z.object({ ...budgetFields, ...temporaryBudgetFields });
/** A merge patch: what is absent is kept, null clears. */
export type BudgetChange = z.output<typeof changeSchema>;

/** Whether a request says anything about budgets. */
export function changesBudgets(change: BudgetChange): boolean {
  return Object.keys(changeSchema.shape).some(
    (field) => change[field as keyof BudgetChange] !== undefined,
  );
}

export function mergeBudgets(
  current: BudgetSettings,
  change: BudgetChange,
  now: Date,
): BudgetSettings {
  const expiry = change.temp_budget_expiry;
  return {
    max_budget: merged(current.max_budget, change.max_budget),
    soft_budget: merged(current.soft_budget, change.soft_budget),
    budget_duration: merged(current.budget_duration, change.budget_duration),
    budget_limits: merged(current.budget_limits, change.budget_limits) ?? [],
    model_max_budget: merged(current.model_max_budget, change.model_max_budget) ?? {},
    temp_budget_increase: merged(current.temp_budget_increase, change.temp_budget_increase),
    temp_budget_expiry: merged(
      current.temp_budget_expiry,
      typeof expiry === "string" ? (momentOf(expiry, now) ?? null) : expiry,
    ),
  };
}

function merged<T>(current: T, change: T | null | undefined): T | null {
  return change === undefined ? current : change;
}

export interface BudgetFault {
  readonly param: keyof BudgetSettings;
  readonly message: string;
}

/** What does not fit together in settings whose fields are good in themselves. */
export function budgetFault(settings: BudgetSettings): BudgetFault | undefined {
  const { max_budget, soft_budget, budget_duration, temp_budget_increase, temp_budget_expiry } =
    settings;
  if (budget_duration !== null && max_budget === null && soft_budget === null)
    return {
      param: "budget_duration",
      message: "must come with max_budget or soft_budget, whose period it is; null clears it",
    };
  if (temp_budget_increase !== null && temp_budget_expiry === null)
    return { param: "temp_budget_increase", message: "must come with temp_budget_expiry" };
  if (temp_budget_increase === null && temp_budget_expiry !== null)
    return { param: "temp_budget_expiry", message: "must come with temp_budget_increase" };
  if (temp_budget_increase !== null && max_budget === null)
    return {
      param: "temp_budget_increase",
      message: "must come with max_budget, which it raises; null for both temp_ fields clears it",
    };
  return undefined;
}
