import { within } from "../deadline.ts";
import type { Allowances } from "../ledger/allowances.ts";
import type { BudgetTerms } from "../store/budget-terms.ts";
import { putBudgets } from "../store/budgets.ts";
import type { Sql } from "../store/database.ts";
import { boundedCache } from "./bounded-cache.ts";
import { type Caller, type CallerBudget, callerBudget } from "./caller.ts";

const capacity = 10_000;

const queryTimeoutMs = 5_000;

/** Another replica may be told otherwise of the same caller: what was written is believed no longer than this. */
const ttlMs = 60_000;

interface Written {
  /** The terms, as text. */
  readonly terms: string;
  readonly budgets: Promise<CallerBudget[]>;
  readonly atMs: number;
}

/** Budgets of callers that custom auth vouches for: written when they are first seen, and when it asks for others. */
export class CustomBudgets {
  readonly #sql: Sql;
  readonly #allowances: Pick<Allowances, "reconsider">;
  readonly #written = boundedCache<Written>(capacity);

  constructor(sql: Sql, allowances: Pick<Allowances, "reconsider">) {
    this.#sql = sql;
    this.#allowances = allowances;
  }

  of({ id, budgetTerms = [] }: Caller): Promise<readonly CallerBudget[]> {
    const terms = textOf(budgetTerms);
    const before = this.#written.get(id);
    if (before?.terms === terms && before.atMs > performance.now() - ttlMs) return before.budgets;
    if (!before && budgetTerms.length === 0) return Promise.resolve([]);
    const budgets = this.#write(id, budgetTerms, before);
    this.#written.set(id, { terms, budgets, atMs: performance.now() });
    budgets.catch(() => this.forget(id));
    return budgets;
  }

  /** What was written for a caller is there no more. */
  forget(id: string): void {
    this.#written.delete(id);
  }

  async #write(
    id: string,
    terms: readonly BudgetTerms[],
    before: Written | undefined,
  ): Promise<CallerBudget[]> {
    const writing = putBudgets(this.#sql, { kind: "custom", id }, terms);
    const budgets = (await within(writing, queryTimeoutMs, "write a budget")).map(callerBudget);
    const old = (await before?.budgets.catch(() => [])) ?? [];
    await this.#allowances.reconsider([...old, ...budgets].map((budget) => budget.id));
    return budgets;
  }
}

function textOf(terms: readonly BudgetTerms[]): string {
  return JSON.stringify(terms, (_name, value: unknown) =>
    typeof value === "bigint" ? value.toString() : value,
  );
}
