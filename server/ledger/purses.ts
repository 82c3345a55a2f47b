import type { Picodollars } from "../../shared/money.ts";
import { Purse } from "./purse.ts";

/** What this replica holds in all, a purse for each window of a budget. */
export class Purses {
  readonly #byWindow = new Map<number, Purse>();

  [Symbol.iterator](): Iterator<Purse> {
    return this.#byWindow.values();
  }

  get total(): { readonly windows: number; readonly amount: Picodollars } {
    let amount = 0n;
    for (const purse of this) amount += purse.amount;
    return { windows: this.#byWindow.size, amount };
  }

  find(windowId: number): Purse | undefined {
    return this.#byWindow.get(windowId);
  }

  /** That of a window, with nothing in it at first. */
  of(windowId: number): Purse {
    const known = this.#byWindow.get(windowId);
    if (known) return known;
    const purse = new Purse(windowId, Infinity);
    this.#byWindow.set(windowId, purse);
    return purse;
  }

  /** Those that no call has touched for so long, or that are in doubt. What nothing hangs on any more is forgotten. */
  takeIdle(forMs: number): Purse[] {
    const sinceMs = performance.now() - forMs;
    const idle = [...this].filter(
      (purse) => (purse.usedAtMs < sinceMs || purse.isDoubtful) && !purse.returning,
    );
    for (const { windowId, amount, needed } of idle)
      if (amount === 0n && needed === 0n) this.#byWindow.delete(windowId);
    return idle;
  }

  /** These costs, by window, are in the database now: they are a part of the allowances there no more. */
  flushed(costs: ReadonlyMap<number, Picodollars>): void {
    for (const [windowId, cost] of costs) {
      const purse = this.#byWindow.get(windowId);
      if (purse) purse.unflushed -= cost;
    }
  }
}
