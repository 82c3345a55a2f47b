import type { Allowances } from "../ledger/allowances.ts";
import { boundedCache } from "./bounded-cache.ts";
import type { Caller } from "./caller.ts";

/** As many as callers are cached. */
const capacity = 50_000;

/**
 * Which budgets keys have, also of those that the cache has just dropped: a second change must find what the first one
 * left behind.
 */
export class KeyBudgets {
  readonly #allowances: Pick<Allowances, "reconsider">;
  readonly #known = boundedCache<readonly number[]>(capacity);

  constructor(allowances: Pick<Allowances, "reconsider">) {
    this.#allowances = allowances;
  }

  note({ id, budgets }: Caller): void {
    if (budgets.length > 0)
      this.#known.set(
        id,
        budgets.map((budget) => budget.id),
      );
  }

  /** A key was changed; without its id any of them may have been. */
  changed(keyId: string | undefined): void {
    const budgets =
      keyId === undefined ? [...this.#known.values()].flat() : (this.#known.get(keyId) ?? []);
    if (budgets.length > 0) void this.#allowances.reconsider(budgets);
  }
}
