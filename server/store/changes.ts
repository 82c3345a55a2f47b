import type { Sql } from "./database.ts";

/** A key that was written, and the secret that it was written with, where a secret was. */
export interface Change {
  readonly id: bigint;
  readonly key_id: string;
  readonly secret_hash: string | null;
}

/** The channel that the triggers of the key tables notify. */
export const changeChannel = "keyplane_change";

/**
 * The changes of the last 30 seconds. Callers see most of them several times, on purpose: a change is stamped before
 * its transaction commits, so neither its time nor its number says whether it was visible to the read before.
 *
 * By now(), which an index can be searched by; clock_timestamp() cannot.
 */
export async function recentChanges(sql: Sql): Promise<Change[]> {
  return sql<Change[]>`
    select id, key_id, secret_hash from change where at > now() - interval '30 seconds' order by id`;
}

/** Drops changes that every replica has read long ago. */
export async function pruneChanges(sql: Sql): Promise<void> {
  await sql`delete from change where at < now() - interval '1 hour'`;
}
