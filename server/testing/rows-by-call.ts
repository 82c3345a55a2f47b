import type { Sql } from "../store/database.ts";

export interface WrittenRow {
  readonly request_id: string;
  readonly cost: bigint;
  readonly status: string;
}

/** The rows of every call that has any, by what its client named it. */
export async function rowsByCall(sql: Sql): Promise<Map<string, WrittenRow[]>> {
  const rows = await sql<WrittenRow[]>`select request_id, cost, status from spend_log`;
  const byCall = new Map<string, WrittenRow[]>();
  for (const row of rows)
    byCall.set(row.request_id, [...(byCall.get(row.request_id) ?? []), { ...row }]);
  return byCall;
}
