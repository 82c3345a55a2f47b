import { type Picodollars, usdTextFromPicodollars } from "../../shared/money.ts";
import type { Logger } from "../log.ts";
import type { Sql } from "../store/database.ts";
import type { WindowStanding } from "../store/spend.ts";
import {
  type AdmissionParts,
  type BudgetRefusal,
  fetchHold,
  holdAtOnce,
  type HoldRequest,
} from "./admission.ts";
import { type AllowanceSettings, Bank } from "./bank.ts";
import { Carving, type CarvingParts } from "./carving.ts";
import { giveSurplusBack } from "./giving-back.ts";
import { KnownBudgets } from "./known-budgets.ts";
import type { WindowAccount } from "./ledger.ts";
import type { Hold } from "./purse.ts";
import { Purses } from "./purses.ts";
import { Stock } from "./stock.ts";
import { Turn } from "./turn.ts";

/** With a flush each half a second, nothing is held of a budget that nobody has used for a second. */
const idleMs = 600;
const sweepMs = 100;

/** Budgets that nobody has used for so long are forgotten. */
const forgetMs = 60_000;

/**
 * Money that this replica may spend without asking: allowances, carved out of budget windows in the database, given out to
 * calls in memory, and given back when they lie idle.
 */
export class Allowances implements WindowAccount {
  readonly #logger: Logger;
  readonly #parts: AdmissionParts & CarvingParts;
  readonly #timers: readonly NodeJS.Timeout[];

  constructor(sql: Sql, settings: AllowanceSettings) {
    this.#logger = settings.logger;
    const bank = new Bank(sql, settings);
    const purses = new Purses();
    const stock = new Stock(bank, purses);
    const parts = { bank, purses, stock, budgets: new KnownBudgets(), turn: new Turn() };
    this.#parts = { ...parts, carving: new Carving(parts) };
    this.#timers = [
      setInterval(() => this.#sweep(), sweepMs).unref(),
      setInterval(() => parts.budgets.forgetUnused(forgetMs), forgetMs).unref(),
    ];
  }

  /** Windows of which something is held here, and how much in all. */
  get holdings(): { readonly windows: number; readonly amount: Picodollars } {
    return this.#parts.purses.total;
  }

  /**
   * Holds the same amount of every budget, or of none: what is needed where that is left, less where less is. Answers at
   * once while the allowances suffice; undefined says that the database has to be asked, by `fetch`.
   */
  hold(request: HoldRequest): Hold | undefined {
    return holdAtOnce(this.#parts.budgets, request);
  }

  /** Asks the database for what `hold` lacked, and holds it or says why not. */
  fetch(request: HoldRequest): Promise<Hold | BudgetRefusal> {
    return fetchHold(this.#parts, request);
  }

  /** A budget was changed: what is held of it goes back, and its next call asks anew. */
  async reconsider(budgets: readonly number[]): Promise<void> {
    const { budgets: known, turn } = this.#parts;
    known.forgetStandings(budgets);
    // An answer that is on its way is from before the change.
    while (turn.isTaken) await turn.over();
    known.forgetStandings(budgets);
    const purses = budgets.map((id) => known.find(id)?.purse);
    await giveSurplusBack(
      this.#parts,
      purses.filter((purse) => purse !== undefined),
    );
  }

  /** Another replica was refused money of this window. */
  async recall(windowId: number): Promise<void> {
    const purse = this.#parts.purses.find(windowId);
    if (purse) await giveSurplusBack(this.#parts, [purse]);
  }

  stood(standing: WindowStanding): void {
    const { window_id, amount, version } = standing;
    // None, to a flush that was sent before a carve and answered after it, says nothing.
    if (version !== null) this.#parts.purses.find(window_id)?.learn(amount, version);
    warnOfSoftBudget(this.#logger, standing);
  }

  flushed(costs: ReadonlyMap<number, Picodollars>): void {
    this.#parts.purses.flushed(costs);
  }

  /** The database has ended this replica's allowances, or may have. */
  forfeitAll(): void {
    for (const purse of this.#parts.purses) purse.forfeit();
    this.#parts.stock.doubt();
  }

  close(): void {
    for (const timer of this.#timers) clearInterval(timer);
  }

  #sweep(): void {
    const { purses, stock, turn } = this.#parts;
    if (!turn.isTaken && stock.isDue) void turn.take(() => stock.take());
    void giveSurplusBack(this.#parts, purses.takeIdle(idleMs));
  }
}

/** Of all replicas the one warns whose batch went over the line. */
function warnOfSoftBudget(logger: Logger, standing: WindowStanding): void {
  const { owner_kind, owner_id, slot, spent, added, soft_cap } = standing;
  if (soft_cap === null || spent < soft_cap || spent - added >= soft_cap) return;
  logger.warn(
    {
      owner: `${owner_kind} ${owner_id}`,
      budget: slot,
      spentUsd: usdTextFromPicodollars(spent),
      softBudgetUsd: usdTextFromPicodollars(soft_cap),
    },
    "a soft budget is spent: calls go on",
  );
}
