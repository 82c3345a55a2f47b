import { type KeyRecord, type UpdateKeyRequest } from "../../shared/keys.ts";
import { expiryAfter } from "../../shared/duration.ts";
import { usdFromPicodollars } from "../../shared/money.ts";
import type { KeyColumns, KeyRow } from "../store/keys.ts";

/** A stored key as replies show it. */
export function toKeyRecord(row: KeyRow): KeyRecord {
  const { hash, last_four, spend, metadata, ...columns } = row;
  return {
    ...columns,
    metadata: metadata as KeyRecord["metadata"],
    token: hash,
    key_name: `sk-...${last_four}`,
    spend: usdFromPicodollars(spend),
    config: {},
    permissions: {},
  };
}

type Settable = Omit<UpdateKeyRequest, "key">;

/** The columns that a request sets: a field that is absent is left alone, null brings the column to its empty value. */
export function columnsOf(request: Settable, now: Date): Partial<KeyColumns> {
  const {
    key_alias,
    user_id,
    models,
    aliases,
    metadata,
    tags,
    allowed_routes,
    key_type,
    allowed_ips,
    blocked,
    duration,
  } = request;
  return withoutUndefined({
    key_alias,
    user_id,
    models: orEmpty(models, []),
    aliases: orEmpty(aliases, {}),
    metadata: orEmpty(metadata, {}),
    tags: orEmpty(tags, []),
    allowed_routes: orEmpty(allowed_routes, []),
    key_type: orEmpty(key_type, "default"),
    allowed_ips: orEmpty(allowed_ips, []),
    blocked: orEmpty(blocked, false),
    expires: duration === undefined ? undefined : (expiryOf(duration, now) ?? null),
  });
}

function expiryOf(duration: string, now: Date): Date | undefined {
  return duration === "never" ? undefined : expiryAfter(duration, now);
}

function orEmpty<T>(value: T | null | undefined, empty: T): T | undefined {
  return value === null ? empty : value;
}

function withoutUndefined<T extends object>(
  record: T,
): { [Key in keyof T]?: Exclude<T[Key], undefined> } {
  return Object.fromEntries(Object.entries(record).filter(([, value]) => value !== undefined)) as {
    [Key in keyof T]?: Exclude<T[Key], undefined>;
  };
}
