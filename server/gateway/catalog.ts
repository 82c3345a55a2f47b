import type { Config } from "../../shared/config.ts";
import { createDeployment, type Deployment } from "../providers/deployment.ts";
import { captured } from "../providers/wildcard.ts";
import { boundedCache } from "./bounded-cache.ts";

/** Deployments that share a `model_name`. */
export interface Group {
  readonly name: string;
  /** The name as a header can carry it. */
  readonly headerName: string;
  /** The same as it stands in a body. */
  readonly nameJson: Buffer;
  readonly deployments: readonly Deployment[];
}

/** What can be called, as of now: an immutable snapshot. */
export interface Catalog {
  /** Names of groups, wildcards apart. */
  readonly names: readonly string[];
  /** Name asked for → group. */
  readonly aliases: ReadonlyMap<string, string>;
  findGroup(name: string): Group | undefined;
  /** When a price in it may change, in milliseconds since 1970; Infinity when none does by itself. */
  readonly validUntilMs: number;
}

type Entry = Config["model_list"][number];

/** Names that a wildcard was asked for come from clients: only so many are kept, and prices that run out no longer than this. */
const wildcardCapacity = 1_000;
const wildcardTtlMs = 60_000;

export function createCatalog(config: Config): Catalog {
  const entries = groupEntries(config);
  const groups = new Map<string, Group>();
  const wildcards: string[] = [];
  for (const [name, members] of entries) {
    if (name.includes("*")) wildcards.push(name);
    else
      groups.set(
        name,
        groupOf(
          name,
          members.map((entry) => createDeployment(config, entry)),
        ),
      );
  }
  wildcards.sort((left, right) => right.length - left.length);
  const matched = boundedCache<Group>(wildcardCapacity, { ttl: wildcardTtlMs });
  const deployments = [...groups.values()].flatMap((group) => group.deployments);
  return {
    names: [...groups.keys()],
    aliases: new Map(
      Object.entries({
        ...config.litellm_settings.model_alias_map,
        ...config.router_settings.model_group_alias,
      }),
    ),
    validUntilMs: Math.min(
      ...deployments.map(({ rates }) => rates?.validUntil?.getTime() ?? Infinity),
    ),
    findGroup(name) {
      const known = groups.get(name) ?? matched.get(name);
      if (known) return known;
      const wildcard = wildcards.find((pattern) => captured(pattern, name) !== undefined);
      if (wildcard === undefined) return undefined;
      const group = expand(config, entries.get(wildcard) ?? [], { wildcard, name });
      matched.set(name, group);
      return group;
    },
  };
}

/** Builds the catalog again when a price in it has run out: some change with the date or the time of day. */
export function createCatalogSource(config: Config): () => Catalog {
  let catalog = createCatalog(config);
  return () => {
    if (Date.now() >= catalog.validUntilMs) catalog = createCatalog(config);
    return catalog;
  };
}

function groupEntries({ model_list }: Config): Map<string, Entry[]> {
  const entries = new Map<string, Entry[]>();
  for (const entry of model_list) {
    const group = entries.get(entry.model_name);
    if (group) group.push(entry);
    else entries.set(entry.model_name, [entry]);
  }
  return entries;
}

function expand(
  config: Config,
  entries: readonly Entry[],
  { wildcard, name }: { wildcard: string; name: string },
): Group {
  const capture = captured(wildcard, name) ?? "";
  const deployments = entries.map((entry) => {
    const model = entry.litellm_params.model.replace("*", () => capture);
    const expanded = { ...entry, litellm_params: { ...entry.litellm_params, model } };
    return createDeployment(config, expanded, name);
  });
  return groupOf(name, deployments);
}

function groupOf(name: string, deployments: readonly Deployment[]): Group {
  return {
    name,
    headerName: encodeURI(name),
    nameJson: Buffer.from(JSON.stringify(name)),
    deployments,
  };
}
