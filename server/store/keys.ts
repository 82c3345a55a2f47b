import type { SerializableParameter } from "postgres";
import type { KeyId } from "../../shared/ids.ts";
import type { ListKeysRequest } from "../../shared/keys.ts";
import type { Picodollars } from "../../shared/money.ts";
import type { Sql } from "./database.ts";

/** What is stored of a virtual key, secrets and spend apart. Columns bear the wire's names. */
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
}

/** A key with its current secret and its lifetime spend in picodollars. */
export interface KeyRow extends KeyColumns {
  readonly key_id: KeyId;
  readonly hash: string;
  readonly last_four: string;
  readonly spend: Picodollars;
  readonly created_at: Date;
  readonly updated_at: Date;
  readonly created_by: string;
}

export interface NewKey extends KeyColumns {
  readonly key_id: KeyId;
  readonly hash: string;
  readonly last_four: string;
  readonly created_by: string;
}

/** Key and first secret in one statement: neither exists without the other, and each unique constraint names what was taken. */
export async function insertKey(sql: Sql, key: NewKey): Promise<void> {
  const { hash, last_four, ...columns } = key;
  await sql`
    with key as (
      insert into virtual_key ${sql(columns as unknown as Record<string, SerializableParameter>)}
      returning key_id
    )
    insert into key_secret (hash, key_id, last_four)
    select ${hash}, key_id, ${last_four} from key`;
}

/** How a management call names a key. */
export type KeyName =
  | { readonly key_id: string }
  | { readonly hash: string }
  | { readonly key_alias: string };

const selected = (sql: Sql) => sql`
  select k.key_id, k.key_alias, k.models, k.aliases, k.metadata, k.tags, k.user_id, k.allowed_routes, k.key_type,
         k.allowed_ips, k.blocked, k.expires, k.created_at, k.updated_at, k.created_by,
         s.hash, s.last_four, coalesce(m.spend, 0) as spend
    from virtual_key k
    join key_secret s on s.key_id = k.key_id and s.expires is null
    left join key_spend m on m.key_id = k.key_id`;

function named(sql: Sql, name: KeyName) {
  if ("key_id" in name) return sql`k.key_id = ${name.key_id}`;
  if ("key_alias" in name) return sql`k.key_alias = ${name.key_alias}`;
  return sql`k.key_id = (select key_id from key_secret where hash = ${name.hash})`;
}

export async function findKey(sql: Sql, name: KeyName): Promise<KeyRow | undefined> {
  const [row] = await sql<KeyRow[]>`${selected(sql)} where ${named(sql, name)}`;
  return row;
}

/** The key that a secret opens, by any of its secrets that is still valid. */
export async function findKeyBySecret(sql: Sql, hash: string): Promise<KeyRow | undefined> {
  const [row] = await sql<KeyRow[]>`
    ${selected(sql)}
     where k.key_id = (select key_id from key_secret where hash = ${hash} and (expires is null or expires > now()))`;
  return row;
}

/** Sets the columns given and leaves the others. False when there is no such key. */
export async function updateKey(
  sql: Sql,
  keyId: string,
  patch: Partial<KeyColumns>,
): Promise<boolean> {
  // Its types know no plain object as a parameter; the driver sends one to a jsonb column as JSON.
  const columns = { ...patch, updated_at: sql`now()` } as unknown as Record<
    string,
    SerializableParameter
  >;
  const { count } = await sql`update virtual_key set ${sql(columns)} where key_id = ${keyId}`;
  return count === 1;
}

/** Deletes the keys named, in one statement, and returns those that were there. Their spend stays. */
export async function deleteKeys(sql: Sql, keyIds: readonly string[]): Promise<string[]> {
  const rows = await sql<
    { key_id: string }[]
  >`delete from virtual_key where key_id = any(${[...keyIds]}) returning key_id`;
  return rows.map((row) => row.key_id);
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
    sql<KeyRow[]>`
      ${selected(sql)} ${where}
       order by ${sql.unsafe(sortColumns[sort_by])} ${direction} nulls last, k.key_id ${direction}
       limit ${size} offset ${(page - 1) * size}`,
    sql<{ total: bigint }[]>`select count(*) as total from virtual_key k ${where}`,
  ]);
  return { rows, total: Number(counted[0]?.total ?? 0) };
}
