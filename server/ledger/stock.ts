import type { Bank } from "./bank.ts";
import type { Purses } from "./purses.ts";

/** What is held is compared with the database as often. */
const intervalMs = 60_000;

/** Between two tries where an answer was lost. */
const retryMs = 1_000;

/** The comparison with the database, which after a lost answer may hold more for this replica than it knows of. */
export class Stock {
  readonly #bank: Bank;
  readonly #purses: Purses;
  #dueAtMs = performance.now() + intervalMs;

  constructor(bank: Bank, purses: Purses) {
    this.#bank = bank;
    this.#purses = purses;
  }

  get isDue(): boolean {
    return performance.now() >= this.#dueAtMs;
  }

  /** Something was lost, or may have been. */
  doubt(): void {
    this.#dueAtMs = 0;
  }

  /** In the place of a carve, whose answer it would contradict. */
  async take(): Promise<void> {
    this.#dueAtMs = performance.now() + intervalMs;
    try {
      for (const { returning } of this.#purses) await returning;
      const found = await this.#bank.look();
      const windows = new Set(found.map(({ window_id }) => window_id));
      for (const purse of this.#purses) if (!windows.has(purse.windowId)) purse.learn(null, null);
      for (const { window_id, amount, version } of found)
        this.#purses.of(window_id).learn(amount, version);
    } catch (error) {
      this.#dueAtMs = performance.now() + retryMs;
      this.#bank.complain(error, "cannot look up what is held of budgets: it is tried again");
    }
  }
}
