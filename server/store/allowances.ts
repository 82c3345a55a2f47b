import type { Picodollars } from "../../shared/money.ts";
import type { Sql } from "./database.ts";

/** What is asked of a budget. */
export interface CarveRequest {
  readonly budgetId: number;
  /** What the call that asks cannot do without. */
  readonly need: Picodollars;
  /** What would spare the next ones from asking. */
  readonly want: Picodollars;
}

/** What came of it: how the budget's current window and the replica's allowance of it stand now. Amounts in picodollars. */
export interface Carved {
  readonly budget_id: number;
  readonly window_id: number;
  /** Milliseconds until the next window begins; null for one without an end. */
  readonly ends_in_ms: number | null;
  readonly granted: Picodollars;
  /** What is left of the replica's allowance in all; null where it has none. */
  readonly amount: Picodollars | null;
  readonly version: bigint | null;
  readonly spent: Picodollars;
  /** Allowances of all replicas together. */
  readonly held: Picodollars;
  readonly cap: Picodollars | null;
}

/** The channel on which a refused replica asks the others for what they do not use of a window. */
export const recallChannel = "keyplane_recall";

/**
 * Adds to a replica's allowances of some budgets. A budget that is there no more has no answer.
 *
 * The function in the database locks the windows, so that of two replicas that ask for the last cent one gets it.
 */
export async function carve(
  sql: Sql,
  requests: readonly CarveRequest[],
  { replicaId, timeZone }: { readonly replicaId: string; readonly timeZone: string },
): Promise<Carved[]> {
  const asked = requests.map(({ budgetId, need, want }) => ({
    budget_id: budgetId,
    need: need.toString(),
    want: want.toString(),
  }));
  return sql<Carved[]>`
    select budget_id::float8, window_id::float8, ends_in_ms, granted, amount, version, spent, held, cap
      from carve(${JSON.stringify(asked)}::text::jsonb, ${replicaId}, ${timeZone})`;
}

/** What a replica goes on needing of a window. */
export interface Keep {
  readonly windowId: number;
  readonly amount: Picodollars;
  /** Of the allowance that this was worked out for. */
  readonly version: bigint;
}

/** An allowance as it stands. Null where there is none. */
export interface Kept {
  readonly window_id: number;
  readonly amount: Picodollars | null;
  readonly version: bigint | null;
}

/**
 * Gives back what a replica does not need of its allowances, and tells how they stand. It says what it keeps, not what it
 * returns, and of which version: one that was carved or drawn from meanwhile stays as it is, also when this arrives late.
 *
 * Windows are locked before their allowances, and in the order of all others, or a flush that draws from the same ones
 * could wait for this while this waits for it.
 */
export async function giveBack(
  sql: Sql,
  keeps: readonly Keep[],
  replicaId: string,
): Promise<Kept[]> {
  const asked = keeps.map(({ windowId, amount, version }) => ({
    window_id: windowId,
    amount: amount.toString(),
    version: version.toString(),
  }));
  return sql<Kept[]>`
    with keep as (
      select window_id, amount, version
        from jsonb_to_recordset(${JSON.stringify(asked)}::text::jsonb) as keep (window_id bigint, amount numeric, version bigint)
    ), locked as (
      select id from budget_window where id in (select window_id from keep) order by budget_id, id for update
    ), current as (
      -- For update, because that reads what was committed while this waited for the lock.
      select a.window_id, a.amount, a.version from allowance a join locked on locked.id = a.window_id
       where a.replica_id = ${replicaId} for update of a
    ), due as (
      select keep.window_id, keep.amount from keep join current using (window_id, version) where current.amount > keep.amount
    ), ended as (
      delete from allowance a using due
       where a.window_id = due.window_id and a.replica_id = ${replicaId} and due.amount = 0
      returning a.window_id
    ), lowered as (
      update allowance a set amount = due.amount, version = nextval('allowance_version')
        from due
       where a.window_id = due.window_id and a.replica_id = ${replicaId} and due.amount > 0
      returning a.window_id, a.amount, a.version
    )
    select keep.window_id::float8, coalesce(lowered.amount, current.amount) as amount,
           coalesce(lowered.version, current.version) as version
      from keep
      left join lowered using (window_id)
      left join current on current.window_id = keep.window_id and keep.window_id not in (select window_id from ended)`;
}

/** All that a replica holds anything of. */
export async function findAllowances(sql: Sql, replicaId: string): Promise<Kept[]> {
  return sql<Kept[]>`
    select window_id::float8, amount, version from allowance where replica_id = ${replicaId} and amount > 0`;
}
