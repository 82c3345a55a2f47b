import type { Sql, SqlPool } from "./database.ts";

/** Which database this is, whatever address it is reached by. */
export async function databaseId(sql: Sql): Promise<string> {
  const [row] = await sql<[{ id: string }]>`select id from installation`;
  return row.id;
}

/**
 * Says that a replica lives, and that what it holds of budgets is good for so many seconds more.
 *
 * @returns whether the database did not know it: then it holds nothing any more
 */
export async function renewReplica(sql: Sql, id: string, ttlS: number): Promise<boolean> {
  const [row] = await sql<[{ is_new: boolean }]>`
    insert into replica (id, expires_at) values (${id}, now() + make_interval(secs => ${ttlS}))
    on conflict (id) do update set seen_at = now(), expires_at = excluded.expires_at
    returning xmax = 0 as is_new`;
  return row.is_new;
}

export interface SignOfLife {
  readonly id: string;
  /** A moment, as text: in full precision, to be compared. */
  readonly seen_at: string;
}

/**
 * Replicas that were there before this one and have been heard of within the last seconds. Of two that start at once one
 * sees the other, not both.
 */
export async function findElders(sql: Sql, id: string): Promise<SignOfLife[]> {
  return sql<SignOfLife[]>`
    select other.id, other.seen_at::text as seen_at
      from replica other, replica own
     where own.id = ${id}
       and (other.started_at, other.id) < (own.started_at, own.id)
       and other.seen_at > now() - interval '15 seconds'`;
}

/** A replica serves no longer, though it may still hold money for calls that are under way. */
export async function retireReplica(sql: Sql, id: string): Promise<void> {
  await sql`update replica set seen_at = '-infinity' where id = ${id}`;
}

/**
 * Ends a replica: every row of its journal is in the database, so what it still held of budgets was not spent. Where it was
 * booked as lost meanwhile, that is taken back.
 */
export async function endReplica(sql: SqlPool, id: string): Promise<void> {
  await sql.begin(async (tx) => {
    // First, and in a statement of its own: who books the replica as lost at this moment has done so before the next one
    // looks, or finds it gone.
    await tx`delete from replica where id = ${id}`;
    await takeBackLost(tx, id);
  });
}

async function takeBackLost(sql: Sql, id: string): Promise<void> {
  await sql`
    with lost as (
      select window_id, sum(amount) as amount from adjustment
       where replica_id = ${id} group by window_id having sum(amount) <> 0
    ), found as (
      insert into adjustment (window_id, replica_id, amount, reason)
      select window_id, ${id}, -amount, 'found' from lost
    ), locked as (
      select id from budget_window where id in (select window_id from lost) order by budget_id, id for update
    )
    update budget_window w set spent = w.spent - lost.amount
      from lost join locked on locked.id = lost.window_id
     where w.id = locked.id`;
}

/** Ends replicas that have not renewed what they hold in time, and releases it. @returns their ids */
export async function releaseLapsed(sql: Sql): Promise<string[]> {
  const rows = await sql<
    { id: string }[]
  >`delete from replica where expires_at < now() returning id`;
  return rows.map(({ id }) => id);
}

/**
 * Ends replicas that have not renewed what they hold in time, and books that as lost: a call may have spent it, and as long
 * as its journal has not turned up nobody knows.
 *
 * @returns their ids
 */
export async function bookLapsed(sql: Sql): Promise<string[]> {
  const rows = await sql<{ id: string }[]>`
    with lapsed as (
      select id from replica where expires_at < now() order by id for update skip locked
    ), lost as (
      select a.window_id, a.replica_id, a.amount from allowance a join lapsed on lapsed.id = a.replica_id where a.amount > 0
    ), booked as (
      insert into adjustment (window_id, replica_id, amount, reason)
      select window_id, replica_id, amount, 'lost' from lost
    ), locked as (
      select id from budget_window where id in (select window_id from lost) order by budget_id, id for update
    ), charged as (
      update budget_window w set spent = w.spent + sums.amount
        from (select window_id, sum(amount) as amount from lost group by window_id) as sums
        join locked on locked.id = sums.window_id
       where w.id = locked.id
    )
    delete from replica where id in (select id from lapsed) returning id`;
  return rows.map(({ id }) => id);
}
