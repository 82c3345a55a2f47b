import { BlockList, isIPv6 } from "node:net";
import type { UserAPIKeyAuth } from "../../shared/custom-auth.ts";
import { hashSecret } from "../secrets.ts";
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
  };
}

export function callerOfCustomAuth(answer: UserAPIKeyAuth): Caller {
  return {
    isAdmin: false,
    id: hashSecret(answer.api_key),
    name: answer.key_alias ? `key "${answer.key_alias}"` : "this key",
    models: answer.models ?? [],
    aliases: answer.aliases ?? {},
    userId: answer.user_id ?? null,
    tags: answer.tags ?? [],
    allowedRoutes: answer.allowed_routes ?? [],
    allowedIps: addressList(answer.allowed_ips ?? []),
    blocked: answer.blocked ?? false,
    expiresAtMs: answer.expires?.getTime() ?? Infinity,
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
