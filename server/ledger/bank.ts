import { within } from "../deadline.ts";
import { type Logger, redact } from "../log.ts";
import {
  carve,
  type Carved,
  type CarveRequest,
  findAllowances,
  giveBack,
  type Keep,
  type Kept,
} from "../store/allowances.ts";
import type { Sql } from "../store/database.ts";

/** A caller near the edge of a budget waits for the database, though not for ever. */
const answerTimeoutMs = 2_000;

export interface AllowanceSettings {
  readonly replicaId: string;
  /** What the windows of `1d`, `1w` and `1mo` are aligned to. */
  readonly timeZone: string;
  readonly logger: Logger;
}

/** The database, as this replica asks it for allowances: with some patience, and with one complaint an outage. */
export class Bank {
  readonly #sql: Sql;
  readonly #settings: AllowanceSettings;
  /** It did not answer when it was last asked. */
  #isAway = false;

  constructor(sql: Sql, settings: AllowanceSettings) {
    this.#sql = sql;
    this.#settings = settings;
  }

  /**
   * Adds to allowances. Where this throws nobody knows what was granted, or still will be: `whenOver` is called once that
   * can be looked up.
   */
  async carve(requests: readonly CarveRequest[], whenOver: () => void): Promise<Carved[]> {
    const carving = carve(this.#sql, requests, this.#settings);
    try {
      const carved = await within(carving, answerTimeoutMs, "carve an allowance");
      this.#isAway = false;
      return carved;
    } catch (error) {
      carving.then(whenOver, whenOver);
      throw error;
    }
  }

  /** Lowers allowances to what is kept of them. */
  giveBack(keeps: readonly Keep[]): Promise<Kept[]> {
    return within(
      giveBack(this.#sql, keeps, this.#settings.replicaId),
      answerTimeoutMs,
      "give an allowance back",
    );
  }

  /** All the allowances that this replica has. */
  look(): Promise<Kept[]> {
    return within(
      findAllowances(this.#sql, this.#settings.replicaId),
      answerTimeoutMs,
      "look up what is held",
    );
  }

  complain(error: unknown, what: string): void {
    const reason = error instanceof Error ? redact(error.message) : String(error);
    // Once an outage: what is held is looked after ten times a second.
    if (!this.#isAway) this.#settings.logger.warn({ reason }, what);
    this.#isAway = true;
  }
}
