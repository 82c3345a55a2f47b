import { LRUCache } from "lru-cache";
import type { BudgetTerms } from "../store/budget-terms.ts";
import { type Budget, putBudgets } from "../store/budgets.ts";
import type { Sql } from "../store/database.ts";
import { within } from "../deadline.ts";
import { type Caller, type CallerBudget, callerBudget } from "./caller.ts";

const capacity = 10_000;

const queryTimeoutMs = 5_000;

/** What custom auth asks for may change behind our back, as by another replica that is told otherwise: not for longer than this. */
const ttlMs = 60_000;

/** Budgets of callers that custom auth vouches for: written when they are first seen, and when it asks for others. */
export class CustomBudgets {
  readonly #sql: Sql;
  readonly #known = new LRUCache<string, Promise<CallerBudget[]>>({ max: capacity, ttl: ttlMs });

  constructor(sql: Sql) {
    this.#sql = sql;
  }

  of({ id, budgetTerms = [] }: Caller): Promise<readonly CallerBudget[]> {
    if (budgetTerms.length === 0) return Promise.resolve([]);
    const name = `${id} ${textOf(budgetTerms)}`;
    const known = this.#known.get(name);
    if (known) return known;
    const put = within(
      putBudgets(this.#sql, { kind: "custom", id }, budgetTerms),
      queryTimeoutMs,
      "write a budget",
    ).then((budgets: Budget[]) => budgets.map(callerBudget));
    this.#known.set(name, put);
    put.catch(() => this.#known.delete(name));
    return put;
  }
}

function textOf(terms: readonly BudgetTerms[]): string {
  return JSON.stringify(terms, (_name, value: unknown) =>
    typeof value === "bigint" ? value.toString() : value,
  );
}
