import type { Picodollars } from "../../shared/money.ts";
import type { AttemptStatus, RateCard, SpendLogsRequest, Units } from "../../shared/spend.ts";
import { firstUuidAt } from "../uuid.ts";
import type { Sql, SqlPool } from "./database.ts";

/** A finished upstream attempt. Token counts are null when the usage is unknown. */
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
  /** Picodollars, as text on the way in. */
  readonly cost: string | null;
  readonly rate_card: RateCard | null;
  readonly input_tokens: number | null;
  readonly cache_read_tokens: number | null;
  readonly cache_write_tokens: number | null;
  readonly cache_write_1h_tokens: number | null;
  readonly input_audio_tokens: number | null;
  readonly output_tokens: number | null;
  readonly reasoning_tokens: number | null;
  readonly output_audio_tokens: number | null;
  /** Null where nothing but tokens was consumed. */
  readonly units: Units | null;
  readonly status: AttemptStatus;
  readonly error_code: string | null;
  readonly estimated: boolean;
  readonly streamed: boolean;
  readonly started_at: Date;
  readonly ended_at: Date;
}

/** Finished attempts on their way to the database. */
export interface SpendBatch {
  /**
   * JSON objects with commas in between: columns by their names, but for moments, `started_ms` and `ended_ms`, since a date
   * costs more to write than all the rest. Lists may be missing where they are empty, flags where they are false, and
   * counts of tokens where `other_tokens` stands for them.
   */
  readonly rows: string;
  /** The rate cards that they name, as JSON objects. */
  readonly cards: readonly string[];
  /** The replica whose allowances admitted them. */
  readonly replicaId: string;
  /** Budget windows to tell the standing of. */
  readonly windows: readonly number[];
}

/** How a budget window and the replica's allowance of it stand after a batch. */
export interface WindowStanding {
  readonly window_id: number;
  /** What is left of the allowance in picodollars; null where the replica has none. */
  readonly amount: Picodollars | null;
  readonly version: bigint | null;
  readonly spent: Picodollars;
  /** What this batch added to `spent`. */
  readonly added: Picodollars;
  readonly soft_cap: Picodollars | null;
  readonly owner_kind: string;
  readonly owner_id: string;
  readonly slot: string;
}

/** The moment in a UUIDv7, which a row's partition follows from, in milliseconds since 1970. */
export function momentOf(id: string): number {
  return Number.parseInt(id.slice(0, 8) + id.slice(9, 13), 16);
}

/**
 * Writes attempts with the rate cards that they name, adds them to their keys' spend and to the daily sums, and moves what
 * they cost from held to spent in the windows that admitted them, all in one statement.
 *
 * Only rows that were not there yet are added, so that the same batch may be sent again after a lost answer. Cards, rows,
 * sums and windows are each written in the order of their keys: two replicas that flush the same ones queue instead of
 * deadlocking. A window is locked before its allowance, as a carve does it.
 */
export async function insertSpend(
  sql: Sql,
  { rows, cards, replicaId, windows }: SpendBatch,
): Promise<WindowStanding[]> {
  return sql<WindowStanding[]>`
    with card as (
      insert into rate_card (id, source, rates)
      select id, source, rates
        from jsonb_to_recordset(${`[${cards.join(",")}]`}::text::jsonb) as card (id text, source text, rates jsonb)
       order by id
      on conflict (id) do nothing
    ), inserted as (
      insert into spend_log (
        id, request_id, key_id, user_id, tags, model, model_group, deployment, upstream_model, cost, rate_card, input_tokens,
        cache_read_tokens, cache_write_tokens, cache_write_1h_tokens, input_audio_tokens, output_tokens, reasoning_tokens, output_audio_tokens,
        units, status, error_code, estimated, streamed, started_at, ended_at, windows
      )
      select id, request_id, key_id, user_id, coalesce(tags, '{}'), model, model_group, deployment, upstream_model, cost, rate_card,
             input_tokens, coalesce(cache_read_tokens, other_tokens), coalesce(cache_write_tokens, other_tokens),
             coalesce(cache_write_1h_tokens, other_tokens), coalesce(input_audio_tokens, other_tokens), output_tokens,
             coalesce(reasoning_tokens, other_tokens), coalesce(output_audio_tokens, other_tokens), units, status, error_code,
             coalesce(estimated, false), coalesce(streamed, false), to_timestamp(started_ms / 1000.0),
             coalesce(to_timestamp(ended_ms / 1000.0), now()), coalesce(windows, '{}')
        from jsonb_to_recordset(('[' || ${rows}::text || ']')::jsonb) as line (
               id uuid, request_id text, key_id text, user_id text, tags text[], model text, model_group text, deployment text,
               upstream_model text, cost numeric, rate_card text, input_tokens bigint, cache_read_tokens bigint,
               cache_write_tokens bigint, cache_write_1h_tokens bigint, input_audio_tokens bigint, output_tokens bigint,
               reasoning_tokens bigint, output_audio_tokens bigint, other_tokens bigint, units jsonb, status text, error_code text,
               estimated boolean, streamed boolean,
               started_ms float8, ended_ms float8, windows bigint[]
             )
       order by id
      on conflict (id) do nothing
      returning key_id, user_id, tags, model_group, cost, status, started_at, windows,
                coalesce(input_tokens, 0) + coalesce(cache_read_tokens, 0) + coalesce(cache_write_tokens, 0)
                  + coalesce(cache_write_1h_tokens, 0)
                  + coalesce(input_audio_tokens, 0) as input_tokens,
                coalesce(output_tokens, 0) + coalesce(output_audio_tokens, 0) as output_tokens
    ), key_total as (
      insert into key_spend (key_id, spend)
      select key_id, coalesce(sum(cost), 0) from inserted group by key_id order by key_id
      on conflict (key_id) do update set spend = key_spend.spend + excluded.spend
    ), daily as (
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
        output_tokens = spend_daily.output_tokens + excluded.output_tokens
    ), added as (
      select id as window_id, sum(cost) as cost from inserted cross join unnest(windows) as w (id) where cost > 0 group by id
    ), locked as (
      select id from budget_window where id in (select window_id from added) order by budget_id, id for update
    ), spent as (
      update budget_window w set spent = w.spent + added.cost
        from added join locked on locked.id = added.window_id
       where w.id = locked.id
      returning w.id as window_id, w.spent, added.cost
    ), drawn as (
      update allowance a set amount = a.amount - least(a.amount, spent.cost), version = nextval('allowance_version')
        from spent
       where a.window_id = spent.window_id and a.replica_id = ${replicaId}
      returning a.window_id, a.amount, a.version
    )
    select w.id::float8 as window_id, coalesce(drawn.amount, a.amount) as amount, coalesce(drawn.version, a.version) as version,
           coalesce(spent.spent, w.spent) as spent, coalesce(spent.cost, 0) as added,
           b.soft_cap, b.owner_kind, b.owner_id, b.slot
      from budget_window w
      join budget b on b.id = w.budget_id
      left join spent on spent.window_id = w.id
      left join drawn on drawn.window_id = w.id
      left join allowance a on a.window_id = w.id and a.replica_id = ${replicaId}
     where w.id = any(${[...windows]}::bigint[])`;
}

/** A partition of `spend_log`: a UTC month. */
export interface Partition {
  readonly name: string;
  readonly fromMs: number;
  readonly toMs: number;
}

/** The partition that rows of a moment are in. */
export function partitionOf(at: Date): Partition {
  const year = at.getUTCFullYear();
  const month = at.getUTCMonth();
  return {
    name: `spend_log_${year}_${String(month + 1).padStart(2, "0")}`,
    fromMs: Date.UTC(year, month),
    toMs: Date.UTC(year, month + 1),
  };
}

/**
 * Makes a partition, unless it exists. `if not exists` looks before it locks, so two replicas could both try at the
 * turn of a month: the lock makes them queue.
 */
export async function ensurePartition(
  sql: SqlPool,
  { name, fromMs, toMs }: Partition,
): Promise<void> {
  await sql.begin(async (transaction) => {
    // Should this end of the connection be lost, the lock is not to outlast it.
    await transaction`set local statement_timeout = '30s'`;
    await transaction`set local idle_in_transaction_session_timeout = '30s'`;
    await transaction`select pg_advisory_xact_lock(hashtextextended('keyplane spend_log partition', 0))`;
    await transaction.unsafe(
      `create table if not exists ${name} partition of spend_log for values from ('${firstUuidAt(fromMs)}') to ('${firstUuidAt(toMs)}')`,
    );
  });
}

/** A row of `spend_log` as it is read: money exact, tokens as integers. */
export interface SpendRecord extends Omit<SpendRow, "cost" | "rate_card"> {
  readonly cost: Picodollars | null;
  /** Where the prices came from. */
  readonly price_source: string | null;
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
    select id, request_id, key_id, user_id, tags, model, model_group, deployment, upstream_model, cost,
           (select source from rate_card where rate_card.id = spend_log.rate_card) as price_source,
           input_tokens::float8, cache_read_tokens::float8, cache_write_tokens::float8, cache_write_1h_tokens::float8, input_audio_tokens::float8,
           output_tokens::float8, reasoning_tokens::float8, output_audio_tokens::float8,
           units, status, error_code, estimated, streamed, started_at, ended_at
      from spend_log ${conditions}
     order by id desc
     limit ${limit}`;
}
