import type { Picodollars } from "../../shared/money.ts";
import type { AttemptStatus, SpendLogsRequest } from "../../shared/spend.ts";
import { firstUuidAt } from "../secrets.ts";
import type { Sql, SqlPool } from "./database.ts";

/** A finished upstream attempt, as the ledger hands it over. Token counts are null when the usage is unknown. */
export interface SpendRow {
  readonly id: string;
  readonly request_id: string;
  readonly key_id: string;
  readonly user_id: string | null;
  readonly tags: readonly string[];
  readonly model: string;
  readonly model_group: string;
  readonly deployment: string;
  readonly upstream_model: string;
  /** Picodollars, as text on the way in: JSON has no number that holds them. */
  readonly cost: string | null;
  /** Picodollars per token that it was charged at, as text. */
  readonly rates: Readonly<Record<string, unknown>> | null;
  readonly price_source: string | null;
  readonly input_tokens: number | null;
  readonly cache_read_tokens: number | null;
  readonly cache_write_tokens: number | null;
  readonly input_audio_tokens: number | null;
  readonly output_tokens: number | null;
  readonly reasoning_tokens: number | null;
  readonly output_audio_tokens: number | null;
  readonly status: AttemptStatus;
  readonly error_code: string | null;
  readonly estimated: boolean;
  readonly streamed: boolean;
  readonly started_at: Date;
  readonly ended_at: Date;
}

/**
 * Writes attempts, adds them to their keys' spend and to the daily sums, all in one statement.
 *
 * Only rows that were not there yet are added, so that the same batch may be sent again after a lost answer. Rows and
 * sums are each written in the order of their keys: two replicas that flush the same ones queue instead of deadlocking.
 */
export async function insertSpend(sql: Sql, rows: readonly SpendRow[]): Promise<void> {
  await sql`
    with inserted as (
      insert into spend_log
      select * from jsonb_populate_recordset(null::spend_log, ${sql.json(rows as never)}) order by id
      on conflict (id) do nothing
      returning key_id, user_id, tags, model_group, cost, status, started_at,
                coalesce(input_tokens, 0) + coalesce(cache_read_tokens, 0) + coalesce(cache_write_tokens, 0)
                  + coalesce(input_audio_tokens, 0) as input_tokens,
                coalesce(output_tokens, 0) + coalesce(output_audio_tokens, 0) as output_tokens
    ), key_total as (
      insert into key_spend (key_id, spend)
      select key_id, coalesce(sum(cost), 0) from inserted group by key_id order by key_id
      on conflict (key_id) do update set spend = key_spend.spend + excluded.spend
    )
    insert into spend_daily (day, owner_kind, owner_id, spend, calls, failed_calls, unpriced_calls, input_tokens, output_tokens)
    select (started_at at time zone 'utc')::date, owner.kind, owner.id, coalesce(sum(cost), 0), count(*),
           count(*) filter (where status = 'failure'), count(*) filter (where cost is null), sum(input_tokens), sum(output_tokens)
      from inserted
     cross join lateral (
       select 'key' as kind, key_id as id
       union all select 'model', model_group
       union all select 'user', user_id where user_id is not null
       union all select distinct 'tag', tag from unnest(tags) as tag
     ) as owner
     group by 1, 2, 3
     order by 1, 2, 3
    on conflict (day, owner_kind, owner_id) do update set
      spend = spend_daily.spend + excluded.spend,
      calls = spend_daily.calls + excluded.calls,
      failed_calls = spend_daily.failed_calls + excluded.failed_calls,
      unpriced_calls = spend_daily.unpriced_calls + excluded.unpriced_calls,
      input_tokens = spend_daily.input_tokens + excluded.input_tokens,
      output_tokens = spend_daily.output_tokens + excluded.output_tokens`;
}

/** The moment in a UUIDv7: a row's partition follows from its id, not from the time that stands beside it. */
export function momentOf(id: string): Date {
  return new Date(Number.parseInt(id.slice(0, 8) + id.slice(9, 13), 16));
}

/** The UTC month of a moment, as a partition of `spend_log` covers it. */
export function partitionOf(at: Date): { name: string; from: string; to: string } {
  const year = at.getUTCFullYear();
  const month = at.getUTCMonth();
  return {
    name: `spend_log_${year}_${String(month + 1).padStart(2, "0")}`,
    from: firstUuidAt(Date.UTC(year, month)),
    to: firstUuidAt(Date.UTC(year, month + 1)),
  };
}

/**
 * Makes the partition that holds a moment, unless it exists. `if not exists` looks before it locks, so two
 * replicas could both try at the turn of a month: the lock makes them queue.
 */
export async function ensurePartition(sql: SqlPool, at: Date): Promise<void> {
  const { name, from, to } = partitionOf(at);
  await sql.begin(async (transaction) => {
    await transaction`select pg_advisory_xact_lock(hashtextextended('keyplane spend_log partition', 0))`;
    await transaction.unsafe(
      `create table if not exists ${name} partition of spend_log for values from ('${from}') to ('${to}')`,
    );
  });
}

/** A row of `spend_log` as it is read: money exact, tokens as integers. */
export interface SpendRecord extends Omit<SpendRow, "cost" | "rates"> {
  readonly cost: Picodollars | null;
}

export interface SpendFilter extends Omit<SpendLogsRequest, "api_key" | "start_date" | "end_date"> {
  readonly key_id: string | undefined;
  /** Range of ids, which is a range of time: from the first on, before the second. */
  readonly from: string | undefined;
  readonly before: string | undefined;
}

/** Newest first. */
export async function listSpend(sql: Sql, filter: SpendFilter): Promise<SpendRecord[]> {
  const { key_id, request_id, user_id, status, from, before, cursor, limit } = filter;
  const conditions = [
    sql`where true`,
    key_id !== undefined && sql`and key_id = ${key_id}`,
    request_id !== undefined && sql`and request_id = ${request_id}`,
    user_id !== undefined && sql`and user_id = ${user_id}`,
    status !== undefined && sql`and status = ${status}`,
    from !== undefined && sql`and id >= ${from}`,
    before !== undefined && sql`and id < ${before}`,
    cursor !== undefined && sql`and id < ${cursor}`,
  ].filter((condition) => condition !== false);
  return sql<SpendRecord[]>`
    select id, request_id, key_id, user_id, tags, model, model_group, deployment, upstream_model, cost, price_source,
           input_tokens::float8, cache_read_tokens::float8, cache_write_tokens::float8, input_audio_tokens::float8,
           output_tokens::float8, reasoning_tokens::float8, output_audio_tokens::float8,
           status, error_code, estimated, streamed, started_at, ended_at
      from spend_log ${conditions}
     order by id desc
     limit ${limit}`;
}
