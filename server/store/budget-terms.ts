import type { BudgetSettings } from "../../shared/budget-settings.ts";
import { noBudgets } from "../../shared/budget-settings.ts";
import { type Picodollars, picodollarsFromUsd, usdFromPicodollars } from "../../shared/money.ts";

/** A budget as it is asked for. Fields bear the names of columns; amounts are in picodollars. */
export interface BudgetTerms {
  /** `max_budget`, `limit:` with its duration, or `model:` with the model group. */
  readonly slot: string;
  readonly model: string | null;
  /** Null never refuses. */
  readonly cap: Picodollars | null;
  readonly soft_cap: Picodollars | null;
  readonly temp_increase: Picodollars;
  readonly temp_expires: Date | null;
  /** As it was given; null is one window without an end. */
  readonly duration: string | null;
}

const plainTerms = {
  model: null,
  soft_cap: null,
  temp_increase: 0n,
  temp_expires: null,
} as const;

/** The budgets that settings ask for, each in a slot of its own. */
export function termsOf(settings: BudgetSettings): BudgetTerms[] {
  const { max_budget, soft_budget, budget_limits, model_max_budget } = settings;
  return [
    ...(max_budget === null && soft_budget === null ? [] : [mainTerms(settings)]),
    ...budget_limits.map(({ max_budget: usd, budget_duration }) => ({
      ...plainTerms,
      slot: `limit:${budget_duration}`,
      cap: picodollarsFromUsd(usd),
      duration: budget_duration,
    })),
    ...Object.entries(model_max_budget).map(([model, { max_budget: usd, budget_duration }]) => ({
      ...plainTerms,
      slot: `model:${model}`,
      model,
      cap: picodollarsFromUsd(usd),
      duration: budget_duration,
    })),
  ];
}

function mainTerms(settings: BudgetSettings): BudgetTerms {
  return {
    slot: "max_budget",
    model: null,
    cap: amountOf(settings.max_budget),
    soft_cap: amountOf(settings.soft_budget),
    temp_increase: amountOf(settings.temp_budget_increase) ?? 0n,
    temp_expires: settings.temp_budget_expiry,
    duration: settings.budget_duration,
  };
}

/** The settings that budgets were made from. */
export function settingsOf(budgets: readonly BudgetTerms[]): BudgetSettings {
  const main = budgets.find(({ slot }) => slot === "max_budget");
  return {
    ...(main ? mainSettings(main) : noBudgets),
    budget_limits: budgets.flatMap(({ slot, cap, duration }) =>
      slot.startsWith("limit:") && duration !== null
        ? [{ max_budget: usdOf(cap) ?? 0, budget_duration: duration }]
        : [],
    ),
    model_max_budget: Object.fromEntries(
      budgets.flatMap(({ model, cap, duration }) =>
        model === null ? [] : [[model, { max_budget: usdOf(cap) ?? 0, budget_duration: duration }]],
      ),
    ),
  };
}

function mainSettings({ cap, soft_cap, duration, temp_increase, temp_expires }: BudgetTerms) {
  return {
    max_budget: usdOf(cap),
    soft_budget: usdOf(soft_cap),
    budget_duration: duration,
    temp_budget_increase: temp_expires && usdFromPicodollars(temp_increase),
    temp_budget_expiry: temp_expires,
  };
}

function amountOf(usd: number | null): Picodollars | null {
  return usd === null ? null : picodollarsFromUsd(usd);
}

function usdOf(amount: Picodollars | null): number | null {
  return amount === null ? null : usdFromPicodollars(amount);
}
