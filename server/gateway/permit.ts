import type { Picodollars } from "../../shared/money.ts";
import type { Hold } from "../ledger/purse.ts";
import type { Slot, Standing } from "../limits/limiter.ts";
import type { Usage } from "../../shared/spend.ts";

export interface Admission {
  /** What the call is expected to consume. */
  readonly estimate: Usage;
  /** What it takes of its caller's limits; undefined where it has none. */
  readonly slot: Slot | undefined;
  readonly standings: readonly Standing[];
  /** What it holds of its caller's budgets; undefined where it has none, or costs nothing. */
  readonly hold: Hold | undefined;
  /** Tokens that it may generate for each answer, where a budget that cannot be overspent says so. */
  readonly outputCap: number | undefined;
}

/** What a call was let in with. It belongs to whoever finishes the reply, and ends once. */
export class Permit {
  readonly estimate: Usage;
  readonly standings: readonly Standing[];
  readonly outputCap: number | undefined;
  readonly #slot: Slot | undefined;
  readonly #hold: Hold | undefined;
  #hasLeft = false;

  /** Of a call that nothing limits. */
  static free(estimate: Usage): Permit {
    return new Permit({
      estimate,
      slot: undefined,
      standings: [],
      hold: undefined,
      outputCap: undefined,
    });
  }

  constructor({ estimate, slot, standings, hold, outputCap }: Admission) {
    this.estimate =
      outputCap === undefined || outputCap >= estimate.output
        ? estimate
        : { ...estimate, output: outputCap };
    this.standings = standings;
    this.outputCap = outputCap;
    this.#slot = slot;
    this.#hold = hold;
  }

  /** The budget windows that admitted it. */
  get windows(): readonly number[] {
    return this.#hold?.windows ?? [];
  }

  /** An upstream is about to be called: the call counts from here on, whatever becomes of it. */
  leave(): void {
    this.#hasLeft = true;
  }

  /** The call ended, and cost and consumed this. */
  settle(cost: Picodollars, tokens: number): void {
    this.#hold?.settle(cost);
    this.#slot?.settle(tokens);
  }

  /** Ends what was not settled: nothing was spent. */
  close(): void {
    this.#hold?.settle(0n);
    if (this.#hasLeft) this.#slot?.settle(0);
    else this.#slot?.release();
  }
}
