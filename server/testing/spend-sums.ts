import type { Sql } from "../store/database.ts";
import type { SpendRow } from "../store/spend.ts";

/** What one call of `spendRow` adds to a day, but for its cost. */
export const oneCall = {
  calls: 1n,
  failed_calls: 0n,
  unpriced_calls: 0n,
  input_tokens: 19n,
  output_tokens: 26n,
};

type DaySums = typeof oneCall & { spend: bigint };

export interface Sums {
  readonly rows: bigint;
  readonly keys: Record<string, bigint>;
  /** By day, kind and id of the owner. */
  readonly days: Record<string, DaySums>;
}

/** What the database holds. */
export async function sumsOf(sql: Sql): Promise<Sums> {
  const [counted] = await sql<{ rows: bigint }[]>`select count(*) as rows from spend_log`;
  const keys = await sql<{ key_id: string; spend: bigint }[]>`select key_id, spend from key_spend`;
  const days = await sql<({ owner: string } & DaySums)[]>`
    select concat_ws(' ', day, owner_kind, owner_id) as owner, spend, calls, failed_calls, unpriced_calls, input_tokens, output_tokens
      from spend_daily order by day, owner_kind, owner_id`;
  return {
    rows: counted?.rows ?? 0n,
    keys: Object.fromEntries(keys.map(({ key_id, spend }) => [key_id, spend])),
    days: Object.fromEntries(days.map(({ owner, ...sums }) => [owner, { ...sums }])),
  };
}

/** What it must hold after these rows, each inserted once. */
export function expectedSums(rows: readonly SpendRow[]): Sums {
  const keys = new Map<string, bigint>();
  const days = new Map<string, DaySums>();
  for (const row of rows) {
    keys.set(row.key_id, (keys.get(row.key_id) ?? 0n) + BigInt(row.cost ?? 0));
    for (const owner of ownersOf(row)) days.set(owner, withRow(days.get(owner), row));
  }
  return {
    rows: BigInt(rows.length),
    keys: Object.fromEntries(keys),
    days: Object.fromEntries(days),
  };
}

function ownersOf({ started_at, key_id, model_group, user_id, tags }: SpendRow): string[] {
  const day = started_at.toISOString().slice(0, 10);
  const owners = [
    `key ${key_id}`,
    `model ${model_group}`,
    ...[...new Set(tags)].map((tag) => `tag ${tag}`),
  ];
  return [...owners, ...(user_id === null ? [] : [`user ${user_id}`])].map(
    (owner) => `${day} ${owner}`,
  );
}

function withRow(sums: DaySums | undefined, row: SpendRow): DaySums {
  return {
    spend: (sums?.spend ?? 0n) + BigInt(row.cost ?? 0),
    calls: (sums?.calls ?? 0n) + 1n,
    failed_calls: (sums?.failed_calls ?? 0n) + (row.status === "failure" ? 1n : 0n),
    unpriced_calls: (sums?.unpriced_calls ?? 0n) + (row.cost === null ? 1n : 0n),
    input_tokens:
      (sums?.input_tokens ?? 0n) +
      total(
        row.input_tokens,
        row.cache_read_tokens,
        row.cache_write_tokens,
        row.cache_write_1h_tokens,
        row.input_audio_tokens,
      ),
    output_tokens: (sums?.output_tokens ?? 0n) + total(row.output_tokens, row.output_audio_tokens),
  };
}

function total(...tokens: (number | null)[]): bigint {
  return tokens.reduce((sum, part) => sum + BigInt(part ?? 0), 0n);
}
