import type { SerializableParameter } from "postgres";
import type { KeyId } from "../../shared/ids.ts";
import type { ListKeysRequest } from "../../shared/keys.ts";
import type { Picodollars } from "../../shared/money.ts";
import type { BudgetTerms } from "./budget-terms.ts";
import {
  type Budget,
  type BudgetJson,
  budgetOfJson,
  budgetsAsJson,
  findBudgets,
  putBudgets,
  termsColumns,
  termsTable,
} from "./budgets.ts";
import type { Sql, SqlPool } from "./database.ts";

/** What is stored of a virtual key, secrets, budgets and spend apart. Columns bear the wire's names. */
export interface KeyColumns {
  readonly key_alias: string | null;
  readonly models: string[];
  readonly aliases: Record<string, string>;
  readonly metadata: Record<string, unknown>;
  readonly tags: string[];
  readonly user_id: string | null;
  readonly allowed_routes: string[];
  readonly key_type: "default" | "llm_api" | "read_only";
  readonly allowed_ips: string[];
  readonly blocked: boolean;
  readonly expires: Date | null;
  readonly rpm_limit: number | null;
  readonly tpm_limit: number | null;
  readonly max_parallel_requests: number | null;
  readonly model_rpm_limit: Record<string, number>;
  readonly model_tpm_limit: Record<string, number>;
}

/** A key with its current secret, its budgets and its lifetime spend in picodollars. */
export interface KeyRow extends KeyColumns {
  readonly key_id: KeyId;
  readonly hash: string;
  readonly last_four: string;
  readonly budgets: readonly Budget[];
  readonly spend: Picodollars;
  readonly created_at: Date;
  readonly updated_at: Date;
  readonly created_by: string;
}

export interface NewKey extends KeyColumns {
  readonly key_id: KeyId;
  readonly hash: string;
  readonly last_four: string;
  readonly budgets: readonly BudgetTerms[];
  readonly created_by: string;
}

/** How a management call names a key. */
export type KeyName =
  | { readonly key_id: string }
  | { readonly hash: string }
  | { readonly key_alias: string };

const keyColumns = (sql: Sql, expires = sql`k.expires`) => sql`
  k.key_id, k.key_alias, k.models, k.aliases, k.metadata, k.tags, k.user_id, k.allowed_routes, k.key_type,
  k.allowed_ips, k.blocked, ${expires} as expires, k.rpm_limit::float8 as rpm_limit, k.tpm_limit::float8 as tpm_limit,
  k.max_parallel_requests::float8 as max_parallel_requests, k.model_rpm_limit, k.model_tpm_limit, k.created_at, k.updated_at,
  k.created_by`;

/** A row as it comes: budgets are read with their key, in a JSON column. */
type StoredKey = Omit<KeyRow, "budgets"> & { readonly budgets: readonly BudgetJson[] };

function keyRow({ budgets, ...row }: StoredKey): KeyRow {
  return { ...row, budgets: budgets.map(budgetOfJson) };
}

const liveBudgets = (sql: Sql) =>
  budgetsAsJson(
    sql,
    sql`budget b where b.owner_kind = 'key' and b.owner_id = k.key_id and b.retired_at is null`,
  );

/** Ends in the joins, so that more of them, or a condition, may follow. `source` is virtual_key or rows of its kind. */
const selected = (sql: Sql, source = sql`virtual_key`) => sql`
  select ${keyColumns(sql)}, s.hash, s.last_four, ${liveBudgets(sql)} as budgets, coalesce(m.spend, 0) as spend
    from ${source} k
    join key_secret s on s.key_id = k.key_id and s.expires is null
    left join key_spend m on m.key_id = k.key_id`;

function named(sql: Sql, name: KeyName) {
  if ("key_id" in name) return sql`k.key_id = ${name.key_id}`;
  if ("key_alias" in name) return sql`k.key_alias = ${name.key_alias}`;
  return sql`k.key_id = (select key_id from key_secret where hash = ${name.hash})`;
}

export async function findKey(sql: Sql, name: KeyName): Promise<KeyRow | undefined> {
  const [row] = await sql<StoredKey[]>`${selected(sql)} where ${named(sql, name)}`;
  return row && keyRow(row);
}

/**
 * Key, first secret and budgets in one statement: none exists without the others or unknown to who asked for it, and
 * each unique constraint names what was taken.
 */
export async function insertKey(sql: Sql, key: NewKey): Promise<KeyRow> {
  const { hash, last_four, budgets, ...columns } = key;
  const [row] = await sql<[StoredKey]>`
    with k as (
      insert into virtual_key ${sql(columns as unknown as Record<string, SerializableParameter>)}
      returning *
    ), s as (
      insert into key_secret (hash, key_id, last_four)
      select ${hash}, key_id, ${last_four} from k
      returning hash, last_four
    ), b as (
      insert into budget (owner_kind, owner_id, ${termsColumns(sql)})
      select 'key', k.key_id, ${termsColumns(sql)} from k cross join ${termsTable(sql, budgets)} order by position
      returning *
    )
    select ${keyColumns(sql)}, s.hash, s.last_four, ${budgetsAsJson(sql, sql`b`)} as budgets, 0::numeric as spend
      from k cross join s`;
  return keyRow(row);
}

/** The key that a secret opens, by any of its secrets that is still valid. It expires when the secret does, if that is sooner. */
export async function findKeyBySecret(sql: Sql, hash: string): Promise<KeyRow | undefined> {
  const source = sql`(
    select ${keyColumns(sql, sql`least(k.expires, p.expires)`)}
      from virtual_key k
      join key_secret p on p.key_id = k.key_id
     where p.hash = ${hash} and (p.expires is null or p.expires > now())
  )`;
  const [row] = await sql<StoredKey[]>`${selected(sql, source)}`;
  return row && keyRow(row);
}

/** Sets the columns given, leaves the others, and returns the key as it then is; undefined when there is none of that name. */
export async function updateKey(
  sql: Sql,
  name: KeyName,
  patch: Partial<KeyColumns>,
): Promise<KeyRow | undefined> {
  // Its types know no plain object as a parameter; the driver sends one to a jsonb column as JSON.
  const columns = { ...patch, updated_at: sql`now()` } as unknown as Record<
    string,
    SerializableParameter
  >;
  const [row] = await sql<StoredKey[]>`
    with updated as (
      update virtual_key k set ${sql(columns)} where ${named(sql, name)} returning ${keyColumns(sql)}
    )
    ${selected(sql, sql`updated`)}`;
  return row && keyRow(row);
}

/**
 * An update that changes the key's budgets too: `change` makes the new ones of those that there are. What it throws
 * undoes all.
 *
 * The first statement locks the key, so a second update waits there, and its next statement sees what the first one left.
 */
export async function updateKeyAndBudgets(
  sql: SqlPool,
  name: KeyName,
  patch: Partial<KeyColumns>,
  change: (budgets: readonly Budget[]) => readonly BudgetTerms[],
): Promise<KeyRow | undefined> {
  return sql.begin(async (tx) => {
    const row = await updateKey(tx, name, patch);
    if (!row) return undefined;
    const owner = { kind: "key", id: row.key_id } as const;
    const wanted = change(await findBudgets(tx, owner));
    return { ...row, budgets: await putBudgets(tx, owner, wanted) };
  });
}

/** Keys by their ids and the hashes of their secrets, which cannot be mistaken for each other, or by their aliases. */
export interface KeyNames {
  readonly references?: readonly string[];
  readonly aliases?: readonly string[];
}

export interface DeletedKey {
  readonly key_id: string;
  /** That one of the names given which was the key's. A key that was given several comes once with each. */
  readonly name: string;
}

/** Deletes the keys named, in one statement, and returns those that were there. Their spend stays; their budgets end. */
export async function deleteKeys(
  sql: Sql,
  { references = [], aliases = [] }: KeyNames,
): Promise<DeletedKey[]> {
  return sql<DeletedKey[]>`
    with named as (
      select key_id, key_id as name from virtual_key where key_id = any(${[...references]})
      union all
      select key_id, hash from key_secret where hash = any(${[...references]})
      union all
      select key_id, key_alias from virtual_key where key_alias = any(${[...aliases]})
    ), deleted as (
      delete from virtual_key where key_id in (select key_id from named) returning key_id
    ), retired as (
      update budget set retired_at = now()
       where owner_kind = 'key' and owner_id in (select key_id from deleted) and retired_at is null
    )
    select named.key_id, named.name from named join deleted using (key_id)`;
}

const sortColumns = {
  created_at: "k.created_at",
  updated_at: "k.updated_at",
  expires: "k.expires",
  key_alias: "k.key_alias",
  spend: "coalesce(m.spend, 0)",
} as const satisfies Record<ListKeysRequest["sort_by"], string>;

export async function listKeys(
  sql: Sql,
  request: ListKeysRequest,
): Promise<{ rows: KeyRow[]; total: number }> {
  const { user_id, key_alias, page, size, sort_by, sort_order } = request;
  const where = sql`
    where ${user_id === undefined ? sql`true` : sql`k.user_id = ${user_id}`}
      and ${key_alias === undefined ? sql`true` : sql`k.key_alias = ${key_alias}`}`;
  const direction = sort_order === "asc" ? sql`asc` : sql`desc`;
  const [rows, counted] = await Promise.all([
    sql<StoredKey[]>`
      ${selected(sql)} ${where}
       order by ${sql.unsafe(sortColumns[sort_by])} ${direction} nulls last, k.key_id ${direction}
       limit ${size} offset ${(page - 1) * size}`,
    sql<{ total: bigint }[]>`select count(*) as total from virtual_key k ${where}`,
  ]);
  return { rows: rows.map(keyRow), total: Number(counted[0]?.total ?? 0) };
}
