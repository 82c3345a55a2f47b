import type { KeyDetails, KeyRecord, UpdateKeyRequest } from "../../shared/keys.ts";
import { expiryAfter } from "../../shared/duration.ts";
import { usdFromPicodollars } from "../../shared/money.ts";
import { settingsOf } from "../store/budget-terms.ts";
import type { CurrentWindow } from "../store/budgets.ts";
import type { KeyColumns, KeyRow } from "../store/keys.ts";

/** A stored key as replies show it. */
export function toKeyRecord(row: KeyRow): KeyRecord {
  const { hash, last_four, spend, metadata, budgets, ...columns } = row;
  return {
    ...columns,
    ...settingsOf(budgets),
    metadata: metadata as KeyRecord["metadata"],
    token: hash,
    key_name: `sk-...${last_four}`,
    spend: usdFromPicodollars(spend),
    config: {},
    permissions: {},
  };
}

/** A stored key with the windows that its budgets are in; those of other keys are passed over. */
export function toKeyDetails(row: KeyRow, windows: readonly CurrentWindow[]): KeyDetails {
  const budget_windows = windows
    .filter(({ owner_id }) => owner_id === row.key_id)
    .map(toBudgetWindow);
  const main = budget_windows.find(({ budget }) => budget === "max_budget");
  return { ...toKeyRecord(row), budget_windows, budget_reset_at: main?.resets_at ?? null };
}

function toBudgetWindow(window: CurrentWindow): KeyDetails["budget_windows"][number] {
  return {
    budget: window.slot,
    model: window.model,
    max_budget: window.cap === null ? null : usdFromPicodollars(window.cap),
    soft_budget: window.soft_cap === null ? null : usdFromPicodollars(window.soft_cap),
    budget_duration: window.duration,
    spend: usdFromPicodollars(window.spent),
    reserved: usdFromPicodollars(window.held),
    starts_at: window.starts_at,
    resets_at: window.ends_at,
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
    rpm_limit,
    tpm_limit,
    max_parallel_requests,
    model_rpm_limit,
    model_tpm_limit,
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
    rpm_limit,
    tpm_limit,
    max_parallel_requests,
    model_rpm_limit: orEmpty(model_rpm_limit, {}),
    model_tpm_limit: orEmpty(model_tpm_limit, {}),
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
