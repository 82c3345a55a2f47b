import type { Picodollars } from "../../shared/money.ts";

/** What this replica holds of one window of a budget: a mirror of its allowance in the database, and what hangs on it here. */
export class Purse {
  readonly windowId: number;
  /** On the monotonic clock; Infinity for a window without an end. */
  endsAtMs: number;
  /** Held by calls that are under way. */
  held: Picodollars = 0n;
  /** Cost of calls that ended and whose rows are not known to be in the database: there it is still a part of the allowance. */
  unflushed: Picodollars = 0n;
  usedAtMs = performance.now();
  /** While money is on its way back none of it may be given out, nor more be fetched. */
  returning: Promise<void> | undefined;
  #amount: Picodollars = 0n;
  #version = -1n;
  #isDoubtful = false;

  constructor(windowId: number, endsAtMs: number) {
    this.windowId = windowId;
    this.endsAtMs = endsAtMs;
  }

  /** What the allowance was in the database when it was last heard of. */
  get amount(): Picodollars {
    return this.#amount;
  }

  /** Of the allowance that the amount was, to say so with what goes back. */
  get version(): bigint {
    return this.#version;
  }

  /** What calls that are under way or not written down yet still need of it. */
  get needed(): Picodollars {
    return this.held + this.unflushed;
  }

  /** What a further call may have, less than nothing where calls cost more than they held. */
  get rest(): Picodollars {
    const rest = this.#amount - this.needed;
    return rest > 0n && (this.returning || this.#isDoubtful) ? 0n : rest;
  }

  /** What a further call may have. */
  get available(): Picodollars {
    const { rest } = this;
    return rest > 0n ? rest : 0n;
  }

  /** Whether the database may hold less than the amount: a give-back was sent that was never answered. */
  get isDoubtful(): boolean {
    return this.#isDoubtful;
  }

  /** Whether there is something to go back. */
  get hasSurplus(): boolean {
    return this.#amount > this.needed;
  }

  /** Takes note of an allowance as the database told it, unless something newer is known: answers overtake each other. */
  learn(amount: Picodollars | null, version: bigint | null): void {
    if (version !== null && version <= this.#version) return;
    this.#amount = amount ?? 0n;
    this.#version = version ?? this.#version;
    this.#isDoubtful = false;
  }

  /** Nothing of it is given out until another version is heard of. */
  doubt(): void {
    this.#isDoubtful = true;
  }

  /** The database has ended the allowance, or may have: it is believed again when it is seen there again. */
  forfeit(): void {
    if (this.#amount > 0n) this.#version -= 1n;
    this.#amount = 0n;
  }
}

/** What one call holds of the windows that it counts in. */
export class Hold {
  readonly amount: Picodollars;
  readonly windows: readonly number[];
  readonly #purses: readonly Purse[];
  #isOver = false;

  constructor(purses: readonly Purse[], amount: Picodollars, nowMs: number) {
    this.amount = amount;
    this.windows = purses.map(({ windowId }) => windowId);
    this.#purses = purses;
    for (const purse of purses) {
      purse.held += amount;
      purse.usedAtMs = nowMs;
    }
  }

  /** The call ended and cost so much: that is taken once its row is written, the rest is free again. Once; later calls do nothing. */
  settle(cost: Picodollars): void {
    if (this.#isOver) return;
    this.#isOver = true;
    for (const purse of this.#purses) {
      purse.held -= this.amount;
      purse.unflushed += cost;
    }
  }
}
