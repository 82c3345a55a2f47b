import { uuidv7 } from "../uuid.ts";
import type { Sql, SqlPool } from "../store/database.ts";
import {
  ensurePartition,
  insertSpend,
  partitionOf,
  type SpendRow,
  type WindowStanding,
} from "../store/spend.ts";

/** A finished attempt as the gateway would record it, but for what the test says. Its id is of its `started_at`. */
export function spendRow(fields: Partial<SpendRow> = {}): SpendRow {
  const startedAt = fields.started_at ?? new Date("2026-03-04T05:06:07.089Z");
  return {
    id: uuidv7(startedAt.getTime()),
    request_id: "request-1",
    key_id: "key_1",
    user_id: null,
    tags: [],
    model: "gpt",
    model_group: "gpt",
    deployment: "gpt/openai",
    upstream_model: "gpt-5-mini",
    cost: "1",
    rate_card: {
      id: "0123456789abcdef",
      source: "config",
      rates: { input: "250000", output: "2000000" },
    },
    input_tokens: 10,
    cache_read_tokens: 2,
    cache_write_tokens: 3,
    cache_write_1h_tokens: 0,
    input_audio_tokens: 4,
    output_tokens: 20,
    reasoning_tokens: 5,
    output_audio_tokens: 6,
    units: null,
    status: "success",
    error_code: null,
    estimated: false,
    streamed: true,
    started_at: startedAt,
    ended_at: new Date(startedAt.getTime() + 1_500),
    ...fields,
  };
}

export interface Admission {
  readonly replicaId?: string;
  readonly windows?: readonly number[];
}

/** Inserts rows, all of them admitted by the same windows. */
export async function insertRows(
  sql: Sql,
  rows: readonly SpendRow[],
  { replicaId = "00000000-0000-0000-0000-000000000000", windows = [] }: Admission = {},
): Promise<WindowStanding[]> {
  const cards = new Map(rows.map(({ rate_card }) => [rate_card?.id, JSON.stringify(rate_card)]));
  cards.delete(undefined);
  return insertSpend(sql, {
    rows: rows.map((row) => rowJson(row, windows)).join(),
    cards: [...cards.values()],
    replicaId,
    windows,
  });
}

function rowJson(
  { started_at, ended_at, rate_card, ...row }: SpendRow,
  windows: readonly number[],
) {
  const columns = {
    ...row,
    rate_card: rate_card?.id ?? null,
    started_ms: started_at.getTime(),
    ended_ms: ended_at.getTime(),
    windows,
  };
  return JSON.stringify(columns);
}

/** Makes the partition that rows of a moment are in. */
export async function ensureMonth(sql: SqlPool, at: Date): Promise<void> {
  await ensurePartition(sql, partitionOf(at));
}
