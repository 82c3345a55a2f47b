import type { PendingQuery, Row } from "postgres";
import { periodOf } from "../../shared/duration.ts";
import type { Picodollars } from "../../shared/money.ts";
import type { BudgetTerms } from "./budget-terms.ts";
import type { Sql } from "./database.ts";

/** A budget in force. */
export interface Budget extends BudgetTerms {
  readonly id: number;
}

/** Whose budgets they are: a key's, by its id, or a custom caller's, by the hash of its key. */
export interface BudgetOwner {
  readonly kind: "key" | "custom";
  readonly id: string;
}

/** A piece of a statement. */
export type Fragment = PendingQuery<Row[]>;

/** How often several replicas may at the same moment want other terms for one owner. */
const maxAttempts = 10;

/**
 * Makes an owner's budgets exactly those wanted, and returns them. One whose period stays keeps its id and with it what
 * was spent; any other is retired, and a new one begins.
 *
 * One statement. Of two at once that want a new budget in one slot the unique index lets one in, and the other takes that
 * one over, or tries again where its period is another one.
 */
export async function putBudgets(
  sql: Sql,
  owner: BudgetOwner,
  wanted: readonly BudgetTerms[],
): Promise<Budget[]> {
  for (let attempt = 1; attempt <= maxAttempts; attempt += 1) {
    const budgets = await putOnce(sql, owner, wanted);
    if (budgets.length === wanted.length) return budgets;
  }
  throw new Error(
    `Cannot settle the budgets of ${owner.kind} ${owner.id}: others keep changing them`,
  );
}

async function putOnce(
  sql: Sql,
  { kind, id }: BudgetOwner,
  wanted: readonly BudgetTerms[],
): Promise<Budget[]> {
  const live = sql`b.owner_kind = ${kind} and b.owner_id = ${id} and b.retired_at is null`;
  // A budget that is as it is wanted is not written: each write is told to every replica.
  return sql<Budget[]>`
    with wanted as (
      select * from ${termsTable(sql, wanted)}
    ), retired as (
      update budget b set retired_at = now()
       where ${live}
         and not exists (
           select from wanted w where w.slot = b.slot and w.duration is not distinct from b.duration
         )
      returning b.id
    ), put as (
      insert into budget as b (owner_kind, owner_id, ${termsColumns(sql)})
      select ${kind}, ${id}, ${termsColumns(sql)} from wanted
       -- So that what is in the way is retired before.
       where (select count(*) from retired) is not null
       order by position
      on conflict (owner_kind, owner_id, slot) where retired_at is null do update
        set cap = excluded.cap, soft_cap = excluded.soft_cap,
            temp_increase = excluded.temp_increase, temp_expires = excluded.temp_expires
        where b.duration is not distinct from excluded.duration
          and (b.cap, b.soft_cap, b.temp_increase, b.temp_expires)
              is distinct from (excluded.cap, excluded.soft_cap, excluded.temp_increase, excluded.temp_expires)
      returning b.*
    ), kept as (
      select b.* from budget b join wanted w using (slot)
       where ${live}
         and (b.duration, b.cap, b.soft_cap, b.temp_increase, b.temp_expires)
             is not distinct from (w.duration, w.cap, w.soft_cap, w.temp_increase, w.temp_expires)
         and b.id not in (select id from put)
    )
    select ${budgetColumns(sql)} from (select * from put union all select * from kept) b order by b.id`;
}

/** The statement's part that makes rows of terms: with their place in the list, and the columns of `termsColumns`. */
export function termsTable(sql: Sql, terms: readonly BudgetTerms[]): Fragment {
  const rows = terms.map((budget, position) => ({ position, ...budget, ...periodColumns(budget) }));
  // As text, because no JSON number holds every amount.
  const text = JSON.stringify(rows, (_name, value: unknown) =>
    typeof value === "bigint" ? value.toString() : value,
  );
  return sql`jsonb_to_recordset(${text}::text::jsonb) as wanted (
    position int, slot text, model text, cap numeric, soft_cap numeric, temp_increase numeric, temp_expires timestamptz,
    duration text, alignment text, period_seconds bigint, period_months int
  )`;
}

export function termsColumns(sql: Sql): Fragment {
  return sql`
    slot, model, cap, soft_cap, temp_increase, temp_expires, duration, alignment, period_seconds, period_months`;
}

function periodColumns({ duration }: BudgetTerms) {
  const period = duration === null ? undefined : periodOf(duration);
  if (!period) return {};
  if ("alignment" in period) return { alignment: period.alignment };
  return "months" in period ? { period_months: period.months } : { period_seconds: period.seconds };
}

/** Ids are counted up one by one, so a number holds them. */
function budgetColumns(sql: Sql): Fragment {
  return sql`
    b.id::float8 as id, b.slot, b.model, b.cap, b.soft_cap, b.temp_increase, b.temp_expires, b.duration`;
}

/** The budgets that an owner has, in the order in which they were made. */
export async function findBudgets(sql: Sql, { kind, id }: BudgetOwner): Promise<Budget[]> {
  return sql<Budget[]>`
    select ${budgetColumns(sql)} from budget b
     where b.owner_kind = ${kind} and b.owner_id = ${id} and b.retired_at is null
     order by b.id`;
}

/** A budget within a JSON column. */
export type BudgetJson = {
  readonly [Name in keyof Budget]: Budget[Name] extends number ? number : string | null;
};

/** Rows `b` of budgets as one JSON column, for a statement that reads their owner. */
export function budgetsAsJson(sql: Sql, from: Fragment): Fragment {
  return sql`
    coalesce((
      select json_agg(json_build_object(
               'id', b.id, 'slot', b.slot, 'model', b.model, 'cap', b.cap::text, 'soft_cap', b.soft_cap::text,
               'temp_increase', b.temp_increase::text, 'temp_expires', b.temp_expires, 'duration', b.duration
             ) order by b.id)
        from ${from}
    ), '[]')`;
}

export function budgetOfJson({
  cap,
  soft_cap,
  temp_increase,
  temp_expires,
  ...rest
}: BudgetJson): Budget {
  return {
    ...rest,
    slot: rest.slot ?? "",
    cap: cap === null ? null : BigInt(cap),
    soft_cap: soft_cap === null ? null : BigInt(soft_cap),
    temp_increase: BigInt(temp_increase ?? 0),
    temp_expires: temp_expires === null ? null : new Date(temp_expires),
  };
}

/** What an owner has spent of a budget in the window that holds the present moment. */
export interface CurrentWindow {
  readonly owner_id: string;
  readonly budget_id: number;
  readonly slot: string;
  readonly model: string | null;
  /** A temporary increase included, while it lasts. */
  readonly cap: Picodollars | null;
  readonly soft_cap: Picodollars | null;
  readonly duration: string | null;
  readonly spent: Picodollars;
  readonly held: Picodollars;
  readonly starts_at: Date;
  /** Null for a window without an end. */
  readonly ends_at: Date | null;
}

/**
 * The windows that budgets of these owners are in, whether or not anybody has used them yet. `zone` is whose calendar
 * aligned ones go by.
 */
export async function currentWindows(
  sql: Sql,
  kind: BudgetOwner["kind"],
  ownerIds: readonly string[],
  zone: string,
): Promise<CurrentWindow[]> {
  return sql<CurrentWindow[]>`
    select b.owner_id, b.id::float8 as budget_id, b.slot, b.model, b.soft_cap, b.duration,
           b.cap + case when b.temp_expires > now() then b.temp_increase else 0 end as cap,
           period.starts_at, nullif(period.ends_at, 'infinity') as ends_at,
           -- What current_window() will begin with.
           coalesce(w.spent, case when b.duration is null and b.model is null then m.spend end, 0) as spent,
           (select coalesce(sum(a.amount), 0) from allowance a where a.window_id = w.id) as held
      from budget b
     cross join lateral budget_period(b, now(), ${zone}) period
      left join budget_window w on w.budget_id = b.id and w.starts_at = period.starts_at
      left join key_spend m on m.key_id = b.owner_id
     where b.owner_kind = ${kind} and b.owner_id = any(${[...ownerIds]}) and b.retired_at is null
     order by b.id`;
}
