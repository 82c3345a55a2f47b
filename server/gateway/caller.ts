import { BlockList, isIPv6 } from "node:net";
import { mergeBudgets, noBudgets } from "../../shared/budget-settings.ts";
import type { CheckedUserAPIKeyAuth } from "../../shared/custom-auth.ts";
import { hashSecret } from "../secrets.ts";
import { type BudgetTerms, termsOf } from "../store/budget-terms.ts";
import type { Budget } from "../store/budgets.ts";
import type { KeyRow } from "../store/keys.ts";

/** Who is calling, and what that allows: the master key, a virtual key, or whoever a custom auth function vouched for. */
export interface Caller {
  readonly isAdmin: boolean;
  /** Whom spend is booked to: `master`, a key's id, or the hash of a custom caller's key. */
  readonly id: string;
  /** For messages: `key "ci-bot"`, or the last characters of a key that has no alias. */
  readonly name: string;
  /** What it may call; empty means everything. */
  readonly models: readonly string[];
  readonly aliases: Readonly<Record<string, string>>;
  readonly userId: string | null;
  readonly tags: readonly string[];
  readonly allowedRoutes: readonly string[];
  /** Addresses it may come from; undefined means any. */
  readonly allowedIps: BlockList | undefined;
  readonly blocked: boolean;
  readonly expiresAtMs: number;
  /** What its calls are held against. */
  readonly budgets: readonly CallerBudget[];
  /**
   * The budgets that custom auth asks for. They have no ids before `putBudgets` has written them, for the owner
   * `{kind: "custom", id}`. Undefined for every other caller.
   */
  readonly budgetTerms: readonly BudgetTerms[] | undefined;
  readonly limits: CallerLimits;
  /** The name that its counters have, but for those of a model. */
  readonly counterOwner: string;
}

/** A budget that a call may be under. */
export interface CallerBudget {
  readonly id: number;
  readonly slot: string;
  /** The model group that it is for; null for all. */
  readonly model: string | null;
  /** For messages: `max_budget`, `budget_limits for 1d`, `model_max_budget of "gpt" for 30d`. */
  readonly name: string;
}

/** How often a caller may call; what is undefined is not limited. By model group in the records. */
export interface CallerLimits {
  /** In a minute. */
  readonly requests: number | undefined;
  /** In a minute. */
  readonly tokens: number | undefined;
  /** At once. */
  readonly parallel: number | undefined;
  readonly modelRequests: Readonly<Record<string, number>>;
  readonly modelTokens: Readonly<Record<string, number>>;
}

export const admin: Caller = {
  isAdmin: true,
  id: "master",
  name: "the master key",
  models: [],
  aliases: {},
  userId: null,
  tags: [],
  allowedRoutes: [],
  allowedIps: undefined,
  blocked: false,
  expiresAtMs: Infinity,
  budgets: [],
  budgetTerms: undefined,
  limits: limitsOf({}),
  counterOwner: "key:master",
};

const routesOfType = {
  default: [],
  llm_api: ["llm_api_routes"],
  read_only: ["info_routes"],
} as const;

export function callerOfKey(row: KeyRow): Caller {
  return {
    isAdmin: false,
    id: row.key_id,
    name: row.key_alias === null ? `key sk-...${row.last_four}` : `key "${row.key_alias}"`,
    models: row.models,
    aliases: row.aliases,
    userId: row.user_id,
    tags: row.tags,
    allowedRoutes: row.allowed_routes.length > 0 ? row.allowed_routes : routesOfType[row.key_type],
    allowedIps: addressList(row.allowed_ips),
    blocked: row.blocked,
    expiresAtMs: row.expires?.getTime() ?? Infinity,
    budgets: row.budgets.map(callerBudget),
    budgetTerms: undefined,
    limits: limitsOf(row),
    counterOwner: `key:${row.key_id}`,
  };
}

export function callerOfCustomAuth(answer: CheckedUserAPIKeyAuth): Caller {
  const id = hashSecret(answer.api_key);
  return {
    isAdmin: false,
    id,
    name: answer.key_alias ? `key "${answer.key_alias}"` : "this key",
    models: answer.models ?? [],
    aliases: answer.aliases ?? {},
    userId: answer.user_id ?? null,
    tags: answer.tags ?? [],
    allowedRoutes: answer.allowed_routes ?? [],
    allowedIps: addressList(answer.allowed_ips ?? []),
    blocked: answer.blocked ?? false,
    expiresAtMs: answer.expires?.getTime() ?? Infinity,
    budgets: [],
    budgetTerms: termsOf(mergeBudgets(noBudgets, answer, new Date())),
    limits: limitsOf(answer),
    counterOwner: `key:${id}`,
  };
}

export function callerBudget({ id, slot, model, duration }: Budget): CallerBudget {
  return { id, slot, model, name: budgetName({ slot, model, duration }) };
}

function budgetName({
  slot,
  model,
  duration,
}: Pick<Budget, "slot" | "model" | "duration">): string {
  const period = duration === null ? "" : ` for ${duration}`;
  if (model !== null) return `model_max_budget of ${JSON.stringify(model)}${period}`;
  return (slot === "max_budget" ? "max_budget" : "budget_limits") + period;
}

type LimitFields = Partial<
  Pick<
    CheckedUserAPIKeyAuth,
    "rpm_limit" | "tpm_limit" | "max_parallel_requests" | "model_rpm_limit" | "model_tpm_limit"
  >
>;

function limitsOf(fields: LimitFields): CallerLimits {
  return {
    requests: fields.rpm_limit ?? undefined,
    tokens: fields.tpm_limit ?? undefined,
    parallel: fields.max_parallel_requests ?? undefined,
    modelRequests: fields.model_rpm_limit ?? {},
    modelTokens: fields.model_tpm_limit ?? {},
  };
}

function addressList(addresses: readonly string[]): BlockList | undefined {
  if (addresses.length === 0) return undefined;
  const list = new BlockList();
  for (const entry of addresses) {
    const [address = "", prefix] = entry.split("/");
    const family = isIPv6(address) ? "ipv6" : "ipv4";
    if (prefix === undefined) list.addAddress(address, family);
    else list.addSubnet(address, Number(prefix), family);
  }
  return list;
}
