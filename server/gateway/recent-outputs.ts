import type { Usage } from "../../shared/spend.ts";
import { boundedCache } from "./bounded-cache.ts";

/** Calls that are remembered: enough for a 95th percentile, and forgotten within minutes on a busy model. */
const remembered = 100;

/** Sorting a hundred numbers costs more than the rest of an estimate: it is done once for so many calls. */
const callsPerSort = 10;

/** For a model that nobody has called yet: about a long paragraph. */
const outputWithoutHistory = 400;

/** Keys and, below a wildcard group, names that clients think of are many: beyond so many the least recent are forgotten. */
const capacity = 10_000;

/** How much the models of a group generated lately, for one key or for all. */
export class OutputHistory {
  readonly #parent: OutputHistory | undefined;
  readonly #outputs: number[] = [];
  #next = 0;
  #reasons = false;
  #percentile: number | undefined;
  #unsorted = 0;

  constructor(parent: OutputHistory | undefined) {
    this.#parent = parent;
  }

  record(usage: Usage): void {
    this.#outputs[this.#next] = usage.output;
    this.#next = (this.#next + 1) % remembered;
    this.#reasons ||= usage.reasoning > 0;
    this.#unsorted += 1;
    if (this.#unsorted >= callsPerSort || this.#outputs.length < callsPerSort)
      this.#percentile = undefined;
    this.#parent?.record(usage);
  }

  /** Tokens that a call will generate, at the 95th percentile and never above what it allows. */
  estimate(allowed: number | undefined): number {
    return Math.min(allowed ?? Infinity, this.#expected());
  }

  /** Whether the models think before they write, so that what was seen of an answer is not all that was generated. */
  get reasons(): boolean {
    return this.#reasons || (this.#parent?.reasons ?? false);
  }

  #expected(): number {
    if (this.#outputs.length === 0)
      return this.#parent ? this.#parent.#expected() : outputWithoutHistory;
    this.#percentile ??= this.#sort();
    return this.#percentile;
  }

  #sort(): number {
    this.#unsorted = 0;
    // Numbers alone are sorted without asking a function of ours which of two comes first, at a fifth of the cost.
    const sorted = new Float64Array(this.#outputs).toSorted();
    return sorted[Math.floor(sorted.length * 0.95)] ?? outputWithoutHistory;
  }
}

/** What calls generate lately, by key and model group: what a call is expected to cost, and what one that is cut off is charged. */
export class RecentOutputs {
  readonly #groups = boundedCache<OutputHistory>(capacity);
  readonly #callers = boundedCache<OutputHistory>(capacity);

  /** A key's calls of a group; as long as there are none, what it knows is what all keys' calls were like. */
  of(callerId: string, group: string): OutputHistory {
    const name = `${callerId} ${group}`;
    const known = this.#callers.get(name);
    if (known) return known;
    const history = new OutputHistory(this.#group(group));
    this.#callers.set(name, history);
    return history;
  }

  #group(group: string): OutputHistory {
    const known = this.#groups.get(group);
    if (known) return known;
    const history = new OutputHistory(undefined);
    this.#groups.set(group, history);
    return history;
  }
}
