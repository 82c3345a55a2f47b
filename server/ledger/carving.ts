import type { Picodollars } from "../../shared/money.ts";
import type { Carved, CarveRequest } from "../store/allowances.ts";
import type { Bank } from "./bank.ts";
import type { KnownBudgets } from "./known-budgets.ts";
import type { Purses } from "./purses.ts";
import type { Stock } from "./stock.ts";
import type { Turn } from "./turn.ts";

/** An allowance is to last so long at the pace of late. */
const wantedMs = 3_000;

/** The pace of a shorter time would be that of a single call. */
const shortestPaceMs = 100;

export interface CarvingParts {
  readonly bank: Bank;
  readonly budgets: KnownBudgets;
  readonly purses: Purses;
  readonly stock: Stock;
  readonly turn: Turn;
}

/** Asks the database for allowances, on behalf of calls that lack money. */
export class Carving {
  readonly #parts: CarvingParts;
  #due = new Map<number, CarveRequest>();

  constructor(parts: CarvingParts) {
    this.#parts = parts;
  }

  /**
   * Asks for what a call needs of each of these budgets. Everything that is asked for within a turn of the event loop goes in
   * one statement, and one is under way at a time.
   */
  async carve(budgets: readonly number[], need: Picodollars): Promise<void> {
    for (const id of budgets) this.#askFor(id, need);
    const { turn } = this.#parts;
    await turn.over();
    await turn.take(() => this.#carveDue());
  }

  #askFor(id: number, need: Picodollars): void {
    const { purse, used, carvedAtMs } = this.#parts.budgets.of(id);
    const nowMs = performance.now();
    const current = purse && purse.endsAtMs > nowMs ? purse : undefined;
    const lacks = need - (current?.rest ?? 0n);
    if (current && lacks <= 0n) return;
    const asked = this.#due.get(id);
    const elapsedMs = BigInt(Math.max(shortestPaceMs, Math.round(nowMs - carvedAtMs)));
    const paced = (used * BigInt(wantedMs)) / elapsedMs;
    const others = asked?.want ?? paced;
    this.#due.set(id, {
      budgetId: id,
      need: asked && asked.need > lacks ? asked.need : lacks,
      want: others + need,
    });
  }

  async #carveDue(): Promise<void> {
    const { bank, budgets, stock } = this.#parts;
    await new Promise(setImmediate);
    const due = this.#due;
    this.#due = new Map();
    for (const id of due.keys()) await budgets.find(id)?.purse?.returning;
    const requests = [...due.values()];
    if (requests.length === 0) return;
    const sentAtMs = performance.now();
    const carved = await bank.carve(requests, () => stock.doubt());
    for (const id of due.keys()) budgets.forget(id);
    for (const answer of carved) this.#learn(answer, sentAtMs);
  }

  /** A window ends so long after the database was asked, at the earliest: the answer may have taken its time. */
  #learn(carved: Carved, askedAtMs: number): void {
    const { window_id, ends_in_ms, amount, version } = carved;
    const purse = this.#parts.purses.of(window_id);
    purse.endsAtMs = askedAtMs + (ends_in_ms ?? Infinity);
    purse.learn(amount, version);
    purse.usedAtMs = performance.now();
    this.#parts.budgets.learn(carved, purse);
  }
}
