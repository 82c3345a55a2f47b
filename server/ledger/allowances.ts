import { setTimeout as sleep } from "node:timers/promises";
import { type Picodollars, usdTextFromPicodollars } from "../../shared/money.ts";
import { within } from "../deadline.ts";
import { type Logger, redact } from "../log.ts";
import {
  type Carved,
  carve,
  type CarveRequest,
  findAllowances,
  giveBack,
} from "../store/allowances.ts";
import type { Sql } from "../store/database.ts";
import type { WindowStanding } from "../store/spend.ts";
import type { WindowAccount } from "./ledger.ts";
import { Hold, Purse } from "./purse.ts";

/** With a flush each half a second, nothing is held of a budget that nobody has used for a second. */
const idleMs = 600;
const sweepMs = 100;

/** An allowance is to last so long at the pace of late. */
const wantedMs = 3_000;

/** A caller near the edge of a budget waits for the database, though not for ever. */
const carveTimeoutMs = 2_000;

/** How long a budget that is spent is not asked again. */
const spentMs = 1_000;

/** How long a caller waits for money that calls under way may leave over, and the pause between two questions. */
const patienceMs = 300;
const pauseMs = 25;

/** Budgets that nobody has used for so long are forgotten, and what is held is compared with the database as often. */
const forgetMs = 60_000;

/** Between two tries of that comparison where an answer was lost. */
const stockPauseMs = 1_000;

/** How often a give-back is worked out anew because a flush took of the allowance meanwhile. */
const maxReturns = 5;

export interface AllowanceSettings {
  readonly replicaId: string;
  /** What the windows of `1d`, `1w` and `1mo` are aligned to. */
  readonly timeZone: string;
  readonly logger: Logger;
}

/** What a call asks of every budget that it counts in. */
export interface HoldRequest {
  readonly budgets: readonly number[];
  /** What it is expected to cost. */
  readonly need: Picodollars;
  /** It is admitted with as little as this, where no more is left. */
  readonly least: Picodollars;
}

/** Why a budget admits no call. */
export interface BudgetRefusal {
  /**
   * `exceeded`: it is spent. `reserved`: what is left is held by calls under way. `gone`: it is a budget no more.
   * `unavailable`: the database is away.
   */
  readonly kind: "exceeded" | "reserved" | "gone" | "unavailable";
  readonly budgetId: number;
  readonly spent: Picodollars;
  readonly cap: Picodollars;
}

interface Budget {
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

interface Standing {
  readonly spent: Picodollars;
  /** Infinitely much, where it is null. */
  readonly cap: Picodollars | null;
  /** Neither spent nor held by anyone. */
  readonly isFree: boolean;
  readonly atMs: number;
}

/**
 * Money that this replica may spend without asking: allowances, carved out of budget windows in the database, given out to
 * calls in memory, and given back when they lie idle.
 */
export class Allowances implements WindowAccount {
  readonly #sql: Sql;
  readonly #settings: AllowanceSettings;
  readonly #budgets = new Map<number, Budget>();
  readonly #purses = new Map<number, Purse>();
  #due = new Map<number, CarveRequest>();
  #carving: Promise<void> | undefined;
  /** The database did not answer when it was last asked. */
  #isAway = false;
  /** When the database is next asked what is held here. */
  #stockDueAtMs = performance.now() + forgetMs;
  readonly #timers: readonly NodeJS.Timeout[];

  constructor(sql: Sql, settings: AllowanceSettings) {
    this.#sql = sql;
    this.#settings = settings;
    this.#timers = [
      setInterval(() => this.#returnIdle(), sweepMs).unref(),
      setInterval(() => this.#forgetUnused(), forgetMs).unref(),
    ];
  }

  /** Windows of which something is held here, and how much in all. */
  get holdings(): { readonly windows: number; readonly amount: Picodollars } {
    let amount = 0n;
    for (const purse of this.#purses.values()) amount += purse.amount;
    return { windows: this.#purses.size, amount };
  }

  /**
   * Holds the same amount of every budget, or of none: what is needed where that is left, less where less is. Answers at
   * once while the allowances suffice; undefined says that the database has to be asked, by `fetch`.
   */
  hold({ budgets, need }: HoldRequest): Hold | undefined {
    const nowMs = performance.now();
    const purses: Purse[] = [];
    for (const id of budgets) {
      const purse = this.#budgetOf(id).purse;
      if (!purse || purse.endsAtMs <= nowMs || purse.available < need) return undefined;
      purses.push(purse);
    }
    return this.#take(budgets, purses, need);
  }

  /** Asks the database for what `hold` lacked, and holds it or says why not. */
  async fetch(request: HoldRequest): Promise<Hold | BudgetRefusal> {
    const deadlineMs = performance.now() + patienceMs;
    for (;;) {
      const known = this.#knownRefusal(request);
      if (known) return known;
      const outcome = await this.#fetchOnce(request);
      if (outcome === "contended") continue;
      if (outcome instanceof Hold || outcome.kind !== "reserved") return outcome;
      if (performance.now() > deadlineMs) return outcome;
      await sleep(pauseMs);
      const hold = this.hold(request);
      if (hold) return hold;
    }
  }

  /** A budget was changed: what is held of it goes back, and its next call asks anew. */
  async reconsider(budgets: readonly number[]): Promise<void> {
    this.#forgetStandings(budgets);
    // An answer that is on its way is from before the change.
    while (this.#carving) await this.#carving.catch(() => undefined);
    this.#forgetStandings(budgets);
    const purses = budgets.map((id) => this.#budgets.get(id)?.purse);
    await this.#return(purses.filter((purse) => purse !== undefined));
  }

  /** Another replica was refused money of this window. */
  async recall(windowId: number): Promise<void> {
    const purse = this.#purses.get(windowId);
    if (purse) await this.#return([purse]);
  }

  stood(standing: WindowStanding): void {
    const { window_id, amount, version, spent, added, soft_cap } = standing;
    // None, to a flush that was sent before a carve and answered after it, says nothing.
    if (version !== null) this.#purses.get(window_id)?.learn(amount, version);
    // Of all replicas the one that tells whose batch went over the line.
    if (soft_cap !== null && spent >= soft_cap && spent - added < soft_cap)
      this.#warnOfSoftBudget(standing, soft_cap);
  }

  flushed(costs: ReadonlyMap<number, Picodollars>): void {
    for (const [windowId, cost] of costs) {
      const purse = this.#purses.get(windowId);
      if (purse) purse.unflushed -= cost;
    }
  }

  /** The database has ended this replica's allowances, or may have. */
  forfeitAll(): void {
    for (const purse of this.#purses.values()) purse.forfeit();
    this.#stockDueAtMs = 0;
  }

  close(): void {
    for (const timer of this.#timers) clearInterval(timer);
  }

  #budgetOf(id: number): Budget {
    const known = this.#budgets.get(id);
    if (known) return known;
    const nowMs = performance.now();
    const budget: Budget = {
      isGone: false,
      purse: undefined,
      standing: undefined,
      used: 0n,
      carvedAtMs: nowMs,
      usedAtMs: nowMs,
    };
    this.#budgets.set(id, budget);
    return budget;
  }

  #take(budgets: readonly number[], purses: readonly Purse[], amount: Picodollars): Hold {
    const nowMs = performance.now();
    for (const id of budgets) {
      const budget = this.#budgetOf(id);
      budget.used += amount;
      budget.usedAtMs = nowMs;
    }
    return new Hold(purses, amount);
  }

  async #fetchOnce(request: HoldRequest): Promise<Hold | BudgetRefusal | "contended"> {
    try {
      await this.#carve(request);
    } catch (error) {
      this.#complain(error, "cannot ask for money of a budget");
      return { kind: "unavailable", budgetId: request.budgets[0] ?? 0, spent: 0n, cap: 0n };
    }
    return this.#holdWhatIsLeft(request);
  }

  /** After a carve. With less than is needed only where the budget has no more, and not because others were quicker. */
  #holdWhatIsLeft({ budgets, need, least }: HoldRequest): Hold | BudgetRefusal | "contended" {
    const purses: Purse[] = [];
    let amount = need;
    for (const id of budgets) {
      const { isGone, purse, standing } = this.#budgetOf(id);
      // Another may have taken its place: who asks is to look again what budgets there are.
      if (isGone) return { kind: "gone", budgetId: id, spent: 0n, cap: 0n };
      const available = purse?.available ?? 0n;
      // The carve that was to tell may have been another's, and have failed.
      if (!purse || (available < need && (!standing || standing.isFree))) return "contended";
      if (standing && available < least)
        return refusalOf(id, standing, least) ?? reserved(id, standing);
      if (available < amount) amount = available;
      purses.push(purse);
    }
    return this.#take(budgets, purses, amount);
  }

  #knownRefusal({ budgets, least }: HoldRequest): BudgetRefusal | undefined {
    const nowMs = performance.now();
    for (const id of budgets) {
      const { standing, purse } = this.#budgets.get(id) ?? {};
      const isCurrent =
        standing && standing.atMs > nowMs - spentMs && purse && purse.endsAtMs > nowMs;
      const refusal = isCurrent && refusalOf(id, standing, least);
      if (refusal) return refusal;
    }
    return undefined;
  }

  /** Everything that is asked for within a turn of the event loop goes in one statement, and one is under way at a time. */
  async #carve(request: HoldRequest): Promise<void> {
    for (const id of request.budgets) this.#askFor(id, request);
    await this.#carving?.catch(() => undefined);
    this.#carving ??= this.#carveDue().finally(() => (this.#carving = undefined));
    await this.#carving;
  }

  #askFor(id: number, { need }: HoldRequest): void {
    const { purse, used, carvedAtMs } = this.#budgetOf(id);
    const nowMs = performance.now();
    const current = purse && purse.endsAtMs > nowMs ? purse : undefined;
    const lacks = need - (current?.rest ?? 0n);
    if (current && lacks <= 0n) return;
    const asked = this.#due.get(id);
    const elapsedMs = BigInt(Math.max(100, Math.round(nowMs - carvedAtMs)));
    const paced = (used * BigInt(wantedMs)) / elapsedMs;
    const others = asked?.want ?? paced;
    this.#due.set(id, {
      budgetId: id,
      need: asked && asked.need > lacks ? asked.need : lacks,
      want: others + need,
    });
  }

  async #carveDue(): Promise<void> {
    await new Promise(setImmediate);
    const due = this.#due;
    this.#due = new Map();
    for (const id of due.keys()) await this.#budgets.get(id)?.purse?.returning;
    const requests = [...due.values()];
    if (requests.length === 0) return;
    const sentAtMs = performance.now();
    const carving = carve(this.#sql, requests, this.#settings);
    const carved = await within(carving, carveTimeoutMs, "carve an allowance").catch(
      (error: unknown) => {
        // Whatever it was given nobody here knows of.
        const takeStock = () => (this.#stockDueAtMs = 0);
        carving.then(takeStock, takeStock);
        throw error;
      },
    );
    this.#isAway = false;
    for (const id of due.keys()) this.#forget(id);
    for (const answer of carved) this.#learn(answer, sentAtMs);
  }

  /** What is known of a budget's window ends with the answer to a carve, which may know of none. */
  #forget(id: number): void {
    const budget = this.#budgetOf(id);
    budget.isGone = true;
    budget.purse = undefined;
    budget.standing = undefined;
    budget.used = 0n;
    budget.carvedAtMs = performance.now();
  }

  /** A window ends so long after the database was asked, at the earliest: the answer may have taken its time. */
  #learn(carved: Carved, askedAtMs: number): void {
    const { budget_id, window_id, ends_in_ms, amount, version, spent, held, cap } = carved;
    const budget = this.#budgetOf(budget_id);
    const atMs = performance.now();
    const purse = this.#purseOf(window_id);
    purse.endsAtMs = askedAtMs + (ends_in_ms ?? Infinity);
    purse.learn(amount, version);
    purse.usedAtMs = atMs;
    budget.isGone = false;
    budget.purse = purse;
    budget.standing = { spent, cap, isFree: cap === null || spent + held < cap, atMs };
  }

  #purseOf(windowId: number): Purse {
    const known = this.#purses.get(windowId);
    if (known) return known;
    const purse = new Purse(windowId, Infinity);
    this.#purses.set(windowId, purse);
    return purse;
  }

  /** Compares with the database, which after a lost answer may hold more for this replica than it knows of. In the place of a carve. */
  async #takeStock(): Promise<void> {
    this.#stockDueAtMs = performance.now() + forgetMs;
    try {
      for (const { returning } of this.#purses.values()) await returning;
      const found = await within(
        findAllowances(this.#sql, this.#settings.replicaId),
        carveTimeoutMs,
        "look up what is held",
      );
      const windows = new Set(found.map(({ window_id }) => window_id));
      for (const purse of this.#purses.values())
        if (!windows.has(purse.windowId)) purse.learn(null, null);
      for (const { window_id, amount, version } of found)
        this.#purseOf(window_id).learn(amount, version);
    } catch (error) {
      this.#stockDueAtMs = performance.now() + stockPauseMs;
      this.#complain(error, "cannot look up what is held of budgets: it is tried again");
    }
  }

  #returnIdle(): void {
    if (!this.#carving && performance.now() >= this.#stockDueAtMs)
      this.#carving = this.#takeStock().finally(() => (this.#carving = undefined));
    const idleSinceMs = performance.now() - idleMs;
    const idle = [...this.#purses.values()].filter(
      (purse) => (purse.usedAtMs < idleSinceMs || purse.isDoubtful) && !purse.returning,
    );
    for (const purse of idle)
      if (purse.amount === 0n && purse.needed === 0n) this.#purses.delete(purse.windowId);
    void this.#return(idle);
  }

  #forgetUnused(): void {
    const sinceMs = performance.now() - forgetMs;
    for (const [id, budget] of this.#budgets)
      if (budget.usedAtMs < sinceMs) this.#budgets.delete(id);
  }

  #forgetStandings(budgets: readonly number[]): void {
    for (const id of budgets) {
      const budget = this.#budgets.get(id);
      if (budget) budget.standing = undefined;
    }
  }

  /** Gives back what the calls under way do not need. Never beside a carve, whose grant it would give back too. */
  async #return(purses: readonly Purse[]): Promise<void> {
    while (this.#carving) await this.#carving.catch(() => undefined);
    const returned = purses.filter((purse) => !purse.returning && purse.hasSurplus);
    if (returned.length === 0) return;
    const returning = this.#giveBack(returned).finally(() => {
      for (const purse of returned) purse.returning = undefined;
    });
    for (const purse of returned) purse.returning = returning;
    await returning;
  }

  async #giveBack(purses: readonly Purse[]): Promise<void> {
    let due = purses;
    for (let tries = 0; tries < maxReturns && due.length > 0; tries += 1) {
      try {
        await this.#giveBackOnce(due);
      } catch (error) {
        for (const purse of due) purse.doubt();
        return this.#complain(error, "cannot give money of a budget back: it is tried again");
      }
      due = due.filter(({ hasSurplus }) => hasSurplus);
    }
  }

  async #giveBackOnce(purses: readonly Purse[]): Promise<void> {
    const keeps = purses.map(({ windowId, needed, version }) => ({
      windowId,
      amount: needed,
      version,
    }));
    const kept = await within(
      giveBack(this.#sql, keeps, this.#settings.replicaId),
      carveTimeoutMs,
      "give an allowance back",
    );
    for (const { window_id, amount, version } of kept)
      this.#purses.get(window_id)?.learn(amount, version);
  }

  #warnOfSoftBudget(standing: WindowStanding, softCap: Picodollars): void {
    const { owner_kind, owner_id, slot, spent } = standing;
    this.#settings.logger.warn(
      {
        owner: `${owner_kind} ${owner_id}`,
        budget: slot,
        spentUsd: usdTextFromPicodollars(spent),
        softBudgetUsd: usdTextFromPicodollars(softCap),
      },
      "a soft budget is spent: calls go on",
    );
  }

  #complain(error: unknown, what: string): void {
    const reason = error instanceof Error ? redact(error.message) : String(error);
    // Once an outage: what is held is looked after ten times a second.
    if (!this.#isAway) this.#settings.logger.warn({ reason }, what);
    this.#isAway = true;
  }
}

/** What the database said of a budget, as a refusal, if what is not spent cannot pay for the least. */
function refusalOf(
  budgetId: number,
  { spent, cap }: Standing,
  least: Picodollars,
): BudgetRefusal | undefined {
  return cap !== null && cap - spent < least
    ? { kind: "exceeded", budgetId, spent, cap }
    : undefined;
}

function reserved(budgetId: number, { spent, cap }: Standing): BudgetRefusal {
  return { kind: "reserved", budgetId, spent, cap: cap ?? 0n };
}
