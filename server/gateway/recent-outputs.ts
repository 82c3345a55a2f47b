import { LRUCache } from "lru-cache";
import type { Usage } from "../../shared/spend.ts";

/** Calls of a group that are remembered: enough for a 95th percentile, and forgotten within minutes on a busy model. */
const remembered = 100;

/** For a model that nobody has called yet: about a long paragraph. */
const outputWithoutHistory = 400;

/** Below a wildcard group every name that a client thinks of is a group: beyond so many the least recent are forgotten. */
const groupCapacity = 1_000;

interface History {
  readonly outputs: number[];
  next: number;
  reasons: boolean;
}

/** How much the models of each group generate lately: what a call that is cut off is estimated by. */
export class RecentOutputs {
  readonly #histories = new LRUCache<string, History>({ max: groupCapacity });

  record(group: string, usage: Usage): void {
    const history = this.#histories.get(group) ?? { outputs: [], next: 0, reasons: false };
    this.#histories.set(group, history);
    history.outputs[history.next] = usage.output;
    history.next = (history.next + 1) % remembered;
    history.reasons ||= usage.reasoning > 0;
  }

  /** Tokens that a call will generate, at the 95th percentile and never above what it allows. */
  estimate(group: string, request: Readonly<Record<string, unknown>>): number {
    const allowed = request["max_completion_tokens"] ?? request["max_tokens"];
    const outputs =
      this.#histories.get(group)?.outputs.toSorted((left, right) => left - right) ?? [];
    const expected = outputs[Math.floor(outputs.length * 0.95)] ?? outputWithoutHistory;
    return typeof allowed === "number" ? Math.min(allowed, expected) : expected;
  }

  /** Whether the group's models think before they write, so that what was seen of an answer is not all that was generated. */
  reasons(group: string): boolean {
    return this.#histories.get(group)?.reasons ?? false;
  }
}
