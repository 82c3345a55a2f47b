import {
  budgetFault,
  type BudgetChange,
  changesBudgets,
  mergeBudgets,
} from "../../shared/budget-settings.ts";
import { GatewayError } from "../errors.ts";
import { type BudgetTerms, settingsOf, termsOf } from "../store/budget-terms.ts";

/** Makes of the budgets that a key has those that it is to have. */
export type BudgetsChange = (budgets: readonly BudgetTerms[]) => BudgetTerms[];

/** What a request makes of a key's budgets; undefined when it says nothing of them. */
export function budgetChangeOf(request: BudgetChange, now: Date): BudgetsChange | undefined {
  return changesBudgets(request) ? (budgets) => changedBudgets(budgets, request, now) : undefined;
}

/** @throws GatewayError that names the field when what comes of it does not fit together. */
export function changedBudgets(
  budgets: readonly BudgetTerms[],
  change: BudgetChange,
  now: Date,
): BudgetTerms[] {
  const settings = mergeBudgets(settingsOf(budgets), change, now);
  const fault = budgetFault(settings);
  if (!fault) return termsOf(settings);
  throw new GatewayError("invalid_request", `${fault.param}: ${fault.message}`, {
    param: fault.param,
  });
}
