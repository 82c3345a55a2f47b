import type { Picodollars } from "../../shared/money.ts";
import type { SqlPool } from "./database.ts";

/** A sum that is not what its rows come to. */
export interface Difference {
  /** As in `key key_…` or `window 12 of max_budget of key key_…`. */
  readonly what: string;
  readonly recorded: Picodollars;
  readonly proven: Picodollars;
}

export interface Verification {
  readonly rows: bigint;
  readonly keys: bigint;
  readonly windows: bigint;
  readonly replicas: bigint;
  /** What replicas hold of all windows together. */
  readonly held: Picodollars;
  readonly differences: readonly Difference[];
}

/**
 * Adds everything up again: keys' spend from their rows, windows' from the rows that they admitted and from adjustments.
 * In one snapshot, so that it holds while replicas write.
 */
export async function verify(sql: SqlPool): Promise<Verification> {
  return sql.begin("isolation level repeatable read read only", async (tx) => {
    const [counted] = await tx<[Omit<Verification, "differences">]>`
      select (select count(*) from spend_log) as rows, (select count(*) from key_spend) as keys,
             (select count(*) from budget_window) as windows, (select count(*) from replica) as replicas,
             (select coalesce(sum(amount), 0) from allowance) as held`;
    const keys = await tx<Difference[]>`
      select 'key ' || coalesce(k.key_id, r.key_id) as what, coalesce(k.spend, 0) as recorded, coalesce(r.spend, 0) as proven
        from key_spend k
        full join (select key_id, coalesce(sum(cost), 0) as spend from spend_log group by key_id) r on r.key_id = k.key_id
       where coalesce(k.spend, 0) <> coalesce(r.spend, 0)
       order by what`;
    const windows = await tx<Difference[]>`
      with proven as (
        select window_id, sum(amount) as amount
          from (
            select w.id as window_id, cost as amount from spend_log cross join unnest(windows) as w (id) where cost is not null
            union all
            select window_id, amount from adjustment
          ) as parts
         group by window_id
      )
      select format('window %s of %s of %s %s', w.id, b.slot, b.owner_kind, b.owner_id) as what,
             w.spent as recorded, coalesce(p.amount, 0) as proven
        from budget_window w
        join budget b on b.id = w.budget_id
        left join proven p on p.window_id = w.id
       where w.spent <> coalesce(p.amount, 0)
       order by w.id`;
    return { ...counted, differences: [...keys, ...windows] };
  });
}
