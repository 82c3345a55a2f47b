import type { Caller } from "./caller.ts";
import type { Catalog, Group } from "./catalog.ts";
import { captured } from "../providers/wildcard.ts";

export interface Resolution {
  readonly group: Group | undefined;
  readonly isAllowed: boolean;
}

/**
 * Follows a name to its model group: the caller's alias, then a global alias, then a group, then a wildcard.
 *
 * A caller's own alias is allowed exactly when its target is; for a global alias, the alias or its target suffices.
 */
export function resolveModel(catalog: Catalog, caller: Caller, asked: string): Resolution {
  const name = own(caller.aliases, asked) ?? asked;
  const target = catalog.aliases.get(name) ?? name;
  const isAllowed = mayCall(caller, target) || (target !== name && mayCall(caller, name));
  return {
    group: isAllowed || caller.models.length === 0 ? catalog.findGroup(target) : undefined,
    isAllowed,
  };
}

/** What stands among a key's models without being a model: no wildcard group may take it for one. */
const grants = new Set(["all-proxy-models", "no-default-models"]);

/** Whether a name is among the models of a caller: itself, by a wildcard, or because all are. */
function mayCall({ models }: Caller, name: string): boolean {
  if (grants.has(name)) return false;
  return (
    models.length === 0 ||
    models.some(
      (allowed) =>
        allowed === name || allowed === "all-proxy-models" || captured(allowed, name) !== undefined,
    )
  );
}

/**
 * Names that a caller may call: groups, global aliases and its own aliases whose target it may call, and of what a
 * wildcard group takes the names that the caller's models spell out.
 */
export function callableNames(catalog: Catalog, caller: Caller): string[] {
  const spelled = caller.models.filter((name) => !name.includes("*"));
  const names = new Set([
    ...catalog.names,
    ...catalog.aliases.keys(),
    ...Object.keys(caller.aliases),
    ...spelled,
  ]);
  return [...names].filter((name) => {
    const { group, isAllowed } = resolveModel(catalog, caller, name);
    return isAllowed && group !== undefined;
  });
}

function own(record: Readonly<Record<string, string>>, name: string): string | undefined {
  return Object.hasOwn(record, name) ? record[name] : undefined;
}
