import { performance } from "node:perf_hooks";
import { setTimeout as sleep } from "node:timers/promises";
import type { Picodollars } from "../../shared/money.ts";
import type { Bank } from "./bank.ts";
import type { Carving } from "./carving.ts";
import type { KnownBudgets, Standing } from "./known-budgets.ts";
import { Hold, type Purse } from "./purse.ts";

/** How long a budget that is spent is not asked again. */
const spentMs = 1_000;

/** How long a caller waits for money that calls under way may leave over, and the pause between two questions. */
const patienceMs = 300;
const pauseMs = 25;

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

/** Where admission looks for money, and where more comes from. */
export interface AdmissionParts {
  readonly bank: Bank;
  readonly budgets: KnownBudgets;
  readonly carving: Carving;
}

/** From what is at hand. Undefined where that does not suffice for each of the budgets: then it takes `fetchHold`. */
export function holdAtOnce(known: KnownBudgets, { budgets, need }: HoldRequest): Hold | undefined {
  const nowMs = performance.now();
  const purses: Purse[] = [];
  for (const id of budgets) {
    const purse = known.find(id)?.purse;
    if (!purse || purse.endsAtMs <= nowMs || purse.available < need) return undefined;
    purses.push(purse);
  }
  known.use(budgets, need, nowMs);
  return new Hold(purses, need, nowMs);
}

/** With the database's help, and some patience with it and with calls under way. */
export async function fetchHold(
  parts: AdmissionParts,
  request: HoldRequest,
): Promise<Hold | BudgetRefusal> {
  const deadlineMs = performance.now() + patienceMs;
  for (;;) {
    const known = knownRefusal(parts.budgets, request);
    if (known) return known;
    const outcome = await fetchOnce(parts, request);
    if (outcome === "contended") continue;
    if (outcome instanceof Hold || outcome.kind !== "reserved") return outcome;
    if (performance.now() > deadlineMs) return outcome;
    await sleep(pauseMs);
    const hold = holdAtOnce(parts.budgets, request);
    if (hold) return hold;
  }
}

async function fetchOnce(
  { bank, budgets: known, carving }: AdmissionParts,
  request: HoldRequest,
): Promise<Hold | BudgetRefusal | "contended"> {
  try {
    await carving.carve(request.budgets, request.need);
  } catch (error) {
    bank.complain(error, "cannot ask for money of a budget");
    return { kind: "unavailable", budgetId: request.budgets[0] ?? 0, spent: 0n, cap: 0n };
  }
  return holdWhatIsLeft(known, request);
}

/** After a carve. With less than is needed only where the budget has no more, and not because others were quicker. */
function holdWhatIsLeft(
  known: KnownBudgets,
  { budgets, need, least }: HoldRequest,
): Hold | BudgetRefusal | "contended" {
  const purses: Purse[] = [];
  let amount = need;
  for (const id of budgets) {
    const { isGone, purse, standing } = known.of(id);
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
  const nowMs = performance.now();
  known.use(budgets, amount, nowMs);
  return new Hold(purses, amount, nowMs);
}

function knownRefusal(
  known: KnownBudgets,
  { budgets, least }: HoldRequest,
): BudgetRefusal | undefined {
  const nowMs = performance.now();
  for (const id of budgets) {
    const { standing, purse } = known.find(id) ?? {};
    const isCurrent =
      standing && standing.atMs > nowMs - spentMs && purse && purse.endsAtMs > nowMs;
    const refusal = isCurrent && refusalOf(id, standing, least);
    if (refusal) return refusal;
  }
  return undefined;
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
