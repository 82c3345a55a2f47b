import type { Picodollars } from "../../shared/money.ts";
import type { Carved } from "../store/allowances.ts";
import type { Purse } from "./purse.ts";

/** What is known of a budget here, from the answers to carves. */
export interface KnownBudget {
  /** The database had none of that id when it was last asked. */
  isGone: boolean;
  purse: Purse | undefined;
  /** How it stood in the database when it was last asked. */
  standing: Standing | undefined;
  /** Given out since the last carve, and when that was: the pace. */
  used: Picodollars;
  carvedAtMs: number;
  usedAtMs: number;
}

export interface Standing {
  readonly spent: Picodollars;
  /** Infinitely much, where it is null. */
  readonly cap: Picodollars | null;
  /** Neither spent nor held by anyone. */
  readonly isFree: boolean;
  readonly atMs: number;
}

export class KnownBudgets {
  readonly #byId = new Map<number, KnownBudget>();

  find(id: number): KnownBudget | undefined {
    return this.#byId.get(id);
  }

  of(id: number): KnownBudget {
    const known = this.#byId.get(id);
    if (known) return known;
    const nowMs = performance.now();
    const budget: KnownBudget = {
      isGone: false,
      purse: undefined,
      standing: undefined,
      used: 0n,
      carvedAtMs: nowMs,
      usedAtMs: nowMs,
    };
    this.#byId.set(id, budget);
    return budget;
  }

  /** So much of each was given out. */
  use(ids: readonly number[], amount: Picodollars, nowMs: number): void {
    for (const id of ids) {
      const budget = this.of(id);
      budget.used += amount;
      budget.usedAtMs = nowMs;
    }
  }

  /** What is known of a budget's window ends with the answer to a carve, which may know of none. */
  forget(id: number): void {
    const budget = this.of(id);
    budget.isGone = true;
    budget.purse = undefined;
    budget.standing = undefined;
    budget.used = 0n;
    budget.carvedAtMs = performance.now();
  }

  learn({ budget_id, spent, held, cap }: Carved, purse: Purse): void {
    const budget = this.of(budget_id);
    const isFree = cap === null || spent + held < cap;
    budget.isGone = false;
    budget.purse = purse;
    budget.standing = { spent, cap, isFree, atMs: performance.now() };
  }

  forgetStandings(ids: readonly number[]): void {
    for (const id of ids) {
      const budget = this.#byId.get(id);
      if (budget) budget.standing = undefined;
    }
  }

  forgetUnused(forMs: number): void {
    const sinceMs = performance.now() - forMs;
    for (const [id, { usedAtMs }] of this.#byId) if (usedAtMs < sinceMs) this.#byId.delete(id);
  }
}
