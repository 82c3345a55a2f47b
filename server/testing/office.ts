import { setTimeout as sleep } from "node:timers/promises";
import type { BudgetRefusal, HoldRequest } from "../ledger/admission.ts";
import { Allowances } from "../ledger/allowances.ts";
import { Journal } from "../ledger/journal.ts";
import { Ledger } from "../ledger/ledger.ts";
import { Hold } from "../ledger/purse.ts";
import { uuidv7 } from "../uuid.ts";
import { recallChannel } from "../store/allowances.ts";
import type { BudgetTerms } from "../store/budget-terms.ts";
import { putBudgets } from "../store/budgets.ts";
import type { Database, Sql } from "../store/database.ts";
import { renewReplica } from "../store/replicas.ts";
import { temporaryDirectory } from "./gateway-process.ts";
import { opening, recordingLogger, settlement } from "./ledger.ts";

/** A replica, as far as money is concerned. Nothing of it is flushed unless a test says so. */
export interface Office extends AsyncDisposable {
  readonly id: string;
  readonly allowances: Allowances;
  readonly ledger: Ledger;
  /** Holds as a call does: from memory, else from the database. */
  take(request: Partial<HoldRequest> & Pick<HoldRequest, "budgets">): Promise<Hold | BudgetRefusal>;
  /** The same for a call that must not be refused. */
  hold(request: Partial<HoldRequest> & Pick<HoldRequest, "budgets">): Promise<Hold>;
  /** Ends a call, for this cost, with a row that waits for the next flush. */
  settle(hold: Hold, cost: bigint): Promise<void>;
}

export async function openOffice(database: Database, id = uuidv7()): Promise<Office> {
  const { sql } = database;
  const directory = await temporaryDirectory();
  const { logger } = recordingLogger();
  await renewReplica(sql, id, 600);
  const allowances = new Allowances(sql, { replicaId: id, timeZone: "UTC", logger });
  const unlisten = await database.listen(recallChannel, (windowId) => {
    void allowances.recall(Number(windowId));
  });
  const journal = new Journal({
    folder: directory.path,
    header: "{}",
    synchronizes: false,
    maxBytes: 2 ** 30,
    logger,
  });
  const ledger = new Ledger(sql, journal, {
    replicaId: id,
    flushIntervalMs: 10 * 60_000,
    whenJournalFull: "refuse",
    windows: allowances,
    logger,
  });
  const take: Office["take"] = async ({ budgets, need = 1n, least = 1n }) => {
    const request = { budgets, need, least };
    return allowances.hold(request) ?? (await allowances.fetch(request));
  };
  return {
    id,
    allowances,
    ledger,
    take,
    async hold(request) {
      const outcome = await take(request);
      if (outcome instanceof Hold) return outcome;
      throw new Error(`Cannot hold ${request.need}: the budget is ${outcome.kind}`);
    },
    async settle(hold, cost) {
      const entry = ledger.enter(opening({ windows: hold.windows }));
      hold.settle(cost);
      await ledger.settle(entry, settlement({ cost }));
    },
    async [Symbol.asyncDispose]() {
      allowances.close();
      ledger.close();
      await unlisten().catch(() => undefined);
      await journal.close();
      await directory[Symbol.asyncDispose]();
    },
  };
}

export function budgetTerms(fields: Partial<BudgetTerms> = {}): BudgetTerms {
  return {
    slot: "max_budget",
    model: null,
    cap: null,
    soft_cap: null,
    temp_increase: 0n,
    temp_expires: null,
    duration: null,
    ...fields,
  };
}

/** A budget of a new owner. @returns its id */
export async function makeBudget(sql: Sql, fields: Partial<BudgetTerms> = {}): Promise<number> {
  const owner = { kind: "custom", id: uuidv7() } as const;
  const [budget] = await putBudgets(sql, owner, [budgetTerms(fields)]);
  return budget?.id ?? 0;
}

export async function setCap(sql: Sql, budgetId: number, cap: bigint): Promise<void> {
  await sql`update budget set cap = ${cap} where id = ${budgetId}`;
}

export interface Account {
  readonly spent: bigint;
  readonly held: bigint;
}

/** What is spent and held of a budget, in the window that was used last. */
export async function accountOf(sql: Sql, budgetId: number): Promise<Account> {
  const [account = { spent: 0n, held: 0n }] = await sql<Account[]>`
    select w.spent, (select coalesce(sum(amount), 0) from allowance a where a.window_id = w.id) as held
      from budget_window w where w.budget_id = ${budgetId} order by w.starts_at desc limit 1`;
  return { ...account };
}

/** Waits for the moment at which the budget's next period has begun, or one that is so much later. */
export async function untilNextWindow(sql: Sql, budgetId: number, laterMs = 5): Promise<void> {
  const [{ remaining_ms } = { remaining_ms: 0 }] = await sql<{ remaining_ms: number }[]>`
    select (extract(epoch from ends_at - clock_timestamp()) * 1000)::float8 as remaining_ms
      from budget_window where budget_id = ${budgetId} order by starts_at desc limit 1`;
  await sleep(Math.max(0, remaining_ms + laterMs));
}
