import * as fc from "fast-check";
import { expect, test } from "vitest";
import { parallel, requests, taken, tokens } from "../testing/limiter.ts";
import type { Counter, CounterKind, Slot, Taking } from "./limiter.ts";
import { MemoryLimiter } from "./memory-limiter.ts";

type Step =
  | { readonly do: "take"; readonly counters: readonly Counter[] }
  | { readonly do: "settle"; readonly call: number; readonly tokens: number }
  | { readonly do: "release"; readonly call: number }
  | { readonly do: "wait"; readonly forMs: number }
  | { readonly do: "sweep" };

const upTo = (max: number) => fc.integer({ min: 0, max });
const owner = fc.constantFrom("key:a", "key:b");

function counterOf(kind: CounterKind, maxLimit: number, amount: fc.Arbitrary<number>) {
  return fc.record({ owner, kind: fc.constant(kind), limit: upTo(maxLimit), amount });
}

const counter: fc.Arbitrary<Counter> = fc.oneof(
  counterOf("requests", 4, fc.constant(1)),
  counterOf("tokens", 40, upTo(50)),
  counterOf("parallel", 3, fc.constant(1)),
);

const counters = fc.uniqueArray(counter, {
  selector: ({ owner: whose, kind }) => `${kind} ${whose}`,
  maxLength: 6,
});

const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    { weight: 6, arbitrary: fc.record({ do: fc.constant("take" as const), counters }) },
    {
      weight: 3,
      arbitrary: fc.record({
        do: fc.constant("settle" as const),
        call: upTo(30),
        tokens: upTo(60),
      }),
    },
    { weight: 2, arbitrary: fc.record({ do: fc.constant("release" as const), call: upTo(30) }) },
    { weight: 2, arbitrary: fc.record({ do: fc.constant("wait" as const), forMs: upTo(70_000) }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant("sweep" as const) }) },
  ),
  { maxLength: 80, size: "max" },
);

test("it decides as a ledger would that adds up every call anew", () => {
  fc.assert(
    fc.property(steps, (script) => {
      let nowMs = 0;
      const limiter = new MemoryLimiter(() => nowMs);
      const slots: Slot[] = [];
      const ledger = new Ledger();
      for (const step of script) {
        if (step.do === "wait") nowMs += step.forMs;
        if (step.do === "sweep") limiter.sweep();
        if (step.do === "settle" || step.do === "release") {
          const slot = slots[step.call];
          if (step.do === "settle") slot?.settle(step.tokens);
          else slot?.release();
          ledger.end(step.call, step.do === "settle" ? step.tokens : undefined);
        }
        if (step.do !== "take") continue;
        const taking = limiter.take(step.counters);
        expect(withoutSlot(taking)).toEqual(ledger.take(step.counters, nowMs));
        if (taking.kind === "taken") slots.push(taking.slot);
      }
      void limiter.close();
    }),
    { numRuns: 500 },
  );
});

interface Entry {
  readonly counter: Counter;
  /** When the minute began that it is booked in. */
  readonly startMs: number;
  amount: number;
}

/** The rules as they are told, with every call that was ever let through. */
class Ledger {
  readonly #calls: { entries: Entry[]; isOver: boolean }[] = [];

  take(asked: readonly Counter[], nowMs: number): unknown {
    const refusals = asked.flatMap((each) => {
      const { sum, startMs } = this.#stateOf(each, nowMs);
      const fits = sum + each.amount <= each.limit || (each.kind === "tokens" && sum === 0);
      if (each.limit > 0 && fits) return [];
      const waitMs = each.kind === "parallel" ? 1_000 : startMs + 60_000 - nowMs;
      return [{ by: each, retryAfterMs: waitMs }];
    });
    const longest = Math.max(...refusals.map(({ retryAfterMs }) => retryAfterMs));
    const refused = refusals.find(({ retryAfterMs }) => retryAfterMs === longest);
    if (!refused) {
      const entries = asked.map((each) => ({
        counter: each,
        startMs: this.#stateOf(each, nowMs).startMs,
        amount: each.amount,
      }));
      this.#calls.push({ entries, isOver: false });
    }
    const standings = asked.map((each) => {
      const { sum, startMs } = this.#stateOf(each, nowMs);
      const resetMs = sum === 0 || each.kind === "parallel" ? 0 : startMs + 60_000 - nowMs;
      return { counter: each, remaining: Math.max(0, each.limit - sum), resetMs };
    });
    return refused ? { kind: "refused", ...refused, standings } : { kind: "taken", standings };
  }

  /** @param used Undefined when the call never left. */
  end(index: number, used: number | undefined): void {
    const call = this.#calls[index];
    if (!call || call.isOver) return;
    call.isOver = true;
    for (const entry of call.entries) {
      const { kind } = entry.counter;
      if (used === undefined || kind === "parallel") entry.amount = 0;
      else if (kind === "tokens") entry.amount = used;
    }
  }

  #stateOf({ owner: whose, kind }: Counter, nowMs: number): { sum: number; startMs: number } {
    const booked = this.#calls
      .flatMap(({ entries }) => entries)
      .filter(({ counter: each }) => each.owner === whose && each.kind === kind);
    const last = booked.at(-1)?.startMs ?? -Infinity;
    const startMs = kind === "parallel" ? 0 : nowMs - last < 60_000 ? last : nowMs;
    const current = booked.filter((entry) => kind === "parallel" || entry.startMs === startMs);
    return { sum: current.reduce((sum, { amount }) => sum + amount, 0), startMs };
  }
}

function withoutSlot(taking: Taking): unknown {
  if (taking.kind !== "taken") return taking;
  const { slot: _slot, ...rest } = taking;
  return rest;
}

test("counters that nothing is taken of any more are forgotten, and no others", async () => {
  let nowMs = 0;
  const limiter = new MemoryLimiter(() => nowMs);
  const { slot } = await taken(limiter, parallel(1, "key:long"));
  for (let user = 0; user < 1_000; user += 1) {
    const each = `user:${user}`;
    const call = await taken(limiter, requests(1, each), tokens(10, 1, each), parallel(1, each));
    call.slot.settle(5);
  }
  nowMs += 59_999;
  limiter.sweep();
  expect(limiter.size).toBe(2_001);
  nowMs += 1;
  limiter.sweep();
  expect(limiter.size).toBe(1);
  slot.settle(5);
  limiter.sweep();
  expect(limiter.size).toBe(0);
  await limiter.close();
});

test("a refused call leaves nothing in memory", async () => {
  const limiter = new MemoryLimiter();
  for (let user = 0; user < 100; user += 1)
    limiter.take([requests(1, `user:${user}`), requests(0, "key:a")]);
  expect(limiter.size).toBe(0);
  await limiter.close();
});
