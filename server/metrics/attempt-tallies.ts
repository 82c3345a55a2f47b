import { errorKinds } from "../../shared/errors.ts";
import type { Picodollars } from "../../shared/money.ts";
import {
  type AttemptStatus,
  type TokenUsage,
  type Units,
  units as unitsSchema,
  type Usage,
} from "../../shared/spend.ts";
import { type Distribution, emptyDistribution, observe } from "./distribution.ts";

/** A finished upstream attempt, as far as charts are concerned. */
export interface AttemptFacts {
  readonly modelGroup: string;
  /** The deployment's id. */
  readonly deployment: string;
  readonly provider: string;
  readonly status: AttemptStatus;
  readonly errorCode: string | null;
  readonly isStream: boolean;
  /** From when it was sent to its end; undefined where nobody saw one of them. */
  readonly durationMs: number | undefined;
  /** From when it was sent to the first byte of the answer; undefined where none came. */
  readonly firstByteMs: number | undefined;
  readonly usage: Usage | undefined;
  /** Undefined where the price or the usage is not known. */
  readonly cost: Picodollars | undefined;
}

/** What has been counted of one deployment of a model group. */
export interface DeploymentTally {
  readonly labels: {
    readonly model_group: string;
    readonly deployment: string;
    readonly provider: string;
  };
  readonly tokens: TokenUsage;
  /** What it had nothing of is absent, as in a row. */
  readonly units: Units;
  /** A double: whole picodollars up to 9,007 USD. For charts; the ledger is exact. */
  spendPicodollars: number;
  unpriced: number;
  readonly streams: Map<AttemptStatus, EndTally>;
  readonly wholeReplies: Map<AttemptStatus, EndTally>;
}

/** What has been counted of its attempts that ended alike. */
export interface EndTally {
  /** How many by error code, "" where there was none. */
  readonly codes: Map<string, number>;
  readonly durationMs: Distribution;
  readonly firstByteMs: Distribution;
}

/** Doubling from 10 ms, as OpenTelemetry's conventions for generative AI have it, on to beyond the default timeout of 600 s. */
export const durationBoundsMs: readonly number[] = [
  10, 20, 40, 80, 160, 320, 640, 1280, 2560, 5120, 10_240, 20_480, 40_960, 81_920, 163_840, 327_680,
  655_360,
];

/** Without the longest three: who waits minutes for a first token has given up. */
export const firstByteBoundsMs: readonly number[] = durationBoundsMs.slice(0, -3);

/** What stands for the names beyond those that are told apart. */
const other = "other";

/**
 * Names under a wildcard come from clients, and codes from upstreams: each new one is a dozen lines in every scrape and
 * a series that Prometheus keeps for weeks.
 */
const foreignGroupCapacity = 200;
const foreignCodeCapacity = 50;
const longestName = 255;

/**
 * Counts attempts in plain objects, and hands the sums over when somebody asks. A metrics library looks labels up anew
 * each time that it is told something: six times an attempt, that took 9 µs, a quarter of all that a call costs.
 */
export class AttemptTallies {
  readonly #isConfigured: (modelGroup: string) => boolean;
  readonly #groups = new Map<string, Map<string, DeploymentTally>>();
  readonly #others = new Map<string, DeploymentTally>();
  readonly #foreignCodes = new Set<string>();
  #foreignGroups = 0;

  /** `isConfigured`: whether the config names the group, which is then always told apart. */
  constructor(isConfigured: (modelGroup: string) => boolean) {
    this.#isConfigured = isConfigured;
  }

  record(facts: AttemptFacts): void {
    const { modelGroup, deployment, usage, cost } = facts;
    const tally = this.#groups.get(modelGroup)?.get(deployment) ?? this.#admit(facts);
    if (usage) addTokens(tally.tokens, usage);
    if (usage?.units) addUnits(tally.units, usage.units);
    if (cost === undefined) tally.unpriced += 1;
    else tally.spendPicodollars += Number(cost);
    this.#recordEnd(facts.isStream ? tally.streams : tally.wholeReplies, facts);
  }

  *[Symbol.iterator](): IterableIterator<DeploymentTally> {
    for (const deployments of this.#groups.values()) yield* deployments.values();
    yield* this.#others.values();
  }

  #recordEnd(ends: Map<AttemptStatus, EndTally>, facts: AttemptFacts): void {
    const end = getOrAdd(ends, facts.status, emptyEnd);
    const code = facts.errorCode === null ? "" : this.#codeOf(facts.errorCode);
    end.codes.set(code, (end.codes.get(code) ?? 0) + 1);
    if (facts.durationMs !== undefined) observe(end.durationMs, durationBoundsMs, facts.durationMs);
    if (facts.firstByteMs !== undefined)
      observe(end.firstByteMs, firstByteBoundsMs, facts.firstByteMs);
  }

  /** The tally of what is seen for the first time, or is told apart no more. */
  #admit({ modelGroup, deployment, provider }: AttemptFacts): DeploymentTally {
    const group = this.#groups.get(modelGroup) ?? this.#admitGroup(modelGroup);
    return group
      ? getOrAdd(group, deployment, () => emptyTally(modelGroup, deployment, provider))
      : getOrAdd(this.#others, provider, () => emptyTally(other, other, provider));
  }

  #admitGroup(name: string): Map<string, DeploymentTally> | undefined {
    if (!this.#isConfigured(name)) {
      if (!isLabel(name) || this.#foreignGroups >= foreignGroupCapacity) return undefined;
      this.#foreignGroups += 1;
    }
    return getOrAdd(this.#groups, name, () => new Map<string, DeploymentTally>());
  }

  #codeOf(code: string): string {
    if (Object.hasOwn(errorKinds, code) || this.#foreignCodes.has(code)) return code;
    if (!isLabel(code) || this.#foreignCodes.size >= foreignCodeCapacity) return other;
    this.#foreignCodes.add(code);
    return code;
  }
}

/** Names with half a surrogate pair in them all look alike once they are encoded: one series would be there twice. */
function isLabel(name: string): boolean {
  return name.length <= longestName && name !== other && name.isWellFormed();
}

function getOrAdd<Key, Value>(map: Map<Key, Value>, key: Key, create: () => Value): Value {
  const known = map.get(key);
  if (known !== undefined) return known;
  const created = create();
  map.set(key, created);
  return created;
}

// Bucket by bucket: a loop over the names takes three times as long.
function addTokens(tokens: TokenUsage, usage: Usage): void {
  tokens.input += usage.input;
  tokens.cache_read += usage.cache_read;
  tokens.cache_write += usage.cache_write;
  tokens.cache_write_1h += usage.cache_write_1h;
  tokens.input_audio += usage.input_audio;
  tokens.output += usage.output;
  tokens.reasoning += usage.reasoning;
  tokens.output_audio += usage.output_audio;
}

const unitNames = unitsSchema.keyof().options;

/** By the names that there are, so that no other becomes a label. */
function addUnits(tallied: Units, units: Units): void {
  for (const name of unitNames) {
    const quantity = units[name];
    if (quantity !== undefined) tallied[name] = (tallied[name] ?? 0) + quantity;
  }
}

function emptyTally(model_group: string, deployment: string, provider: string): DeploymentTally {
  return {
    labels: { model_group, deployment, provider },
    tokens: {
      input: 0,
      cache_read: 0,
      cache_write: 0,
      cache_write_1h: 0,
      input_audio: 0,
      output: 0,
      reasoning: 0,
      output_audio: 0,
    },
    units: {},
    spendPicodollars: 0,
    unpriced: 0,
    streams: new Map(),
    wholeReplies: new Map(),
  };
}

function emptyEnd(): EndTally {
  return {
    codes: new Map(),
    durationMs: emptyDistribution(durationBoundsMs),
    firstByteMs: emptyDistribution(firstByteBoundsMs),
  };
}
