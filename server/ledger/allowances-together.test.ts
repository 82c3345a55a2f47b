import { setTimeout as sleep } from "node:timers/promises";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Database, SqlPool } from "../store/database.ts";
import { bookLapsed, endReplica, releaseLapsed, renewReplica } from "../store/replicas.ts";
import { verify } from "../store/verify.ts";
import { sharedEngines } from "../testing/database.ts";
import { accountOf, makeBudget, type Office, openOffice, setCap } from "../testing/office.ts";
import type { BudgetRefusal } from "./admission.ts";
import { Hold } from "./purse.ts";

const patiently = { timeout: 20_000, interval: 20 };

type Outcome = Hold | BudgetRefusal;

const isHold = (outcome: Outcome) => outcome instanceof Hold;

/** With nothing under way all is at rest: nothing is held, and what is spent are the rows and the adjustments. */
async function expectRest(sql: SqlPool): Promise<void> {
  await expect.poll(async () => (await verify(sql)).held, patiently).toBe(0n);
  expect((await verify(sql)).differences).toEqual([]);
}

/** Suites on statements run on every engine; here the embedded one and a server say enough. */
const engines = sharedEngines.slice(0, 2);

describe.each(engines)("$name: several replicas", ({ open }) => {
  test("that hold the bounds of their calls never overspend a budget, and spend it to the end", async () => {
    await using opened = await open();
    const { sql } = opened.database;
    await using team = await openTeam(opened.database, 4);
    const budget = await makeBudget(sql, { cap: 1_000n });
    const request = { budgets: [budget], need: 7n, least: 7n };
    let admitted = 0n;
    const refusals: [BudgetRefusal, bigint][] = [];
    const caller = async (office: Office) => {
      for (let calls = 0; calls < 6; calls += 1) {
        const outcome = await office.take(request);
        if (isHold(outcome)) {
          admitted += 7n;
          await office.settle(outcome as Hold, 7n);
        } else refusals.push([outcome as BudgetRefusal, admitted]);
      }
    };
    const flushing = flushAll(team.offices, 20);
    await Promise.all(
      team.offices.flatMap((office) => Array.from({ length: 50 }, () => caller(office))),
    );
    await flushing.stop();
    for (const office of team.offices) await office.ledger.flush();

    // 142 calls of 7 are 994, and there is no seventh of a call.
    expect(await accountOf(sql, budget)).toMatchObject({ spent: 994n });
    expect(admitted).toBe(994n);
    const exceeded = refusals.filter(([{ kind }]) => kind === "exceeded");
    for (const [{ spent, cap }, admittedThen] of exceeded) {
      expect(cap - spent).toBeLessThan(7n);
      expect(admittedThen).toBeGreaterThanOrEqual(950n);
    }
    expect(refusals.map(([{ kind }]) => kind)).not.toContain("unavailable");
    expect(exceeded.length).toBeGreaterThan(0);
    await expectRest(sql);
  });

  test("overspend a budget by no more than calls cost beyond what they held", async () => {
    await using opened = await open();
    const { sql } = opened.database;
    await using team = await openTeam(opened.database, 4);
    const budgets = [
      await makeBudget(sql, { cap: 2_000n }),
      await makeBudget(sql, { cap: 1_500n }),
    ];
    let slack = 0n;
    const caller = async (office: Office, index: number) => {
      for (let calls = 0; calls < 5; calls += 1) {
        const outcome = await office.take({ budgets, need: BigInt(5 + (index % 9)) });
        if (!(outcome instanceof Hold)) return;
        const cost = BigInt((index * 7 + calls * 5) % 17);
        if (cost > outcome.amount) slack += cost - outcome.amount;
        await sleep(index % 5);
        await office.settle(outcome, cost);
      }
    };
    const flushing = flushAll(team.offices, 20);
    await Promise.all(
      team.offices.flatMap((office) =>
        Array.from({ length: 50 }, (_, index) => caller(office, index)),
      ),
    );
    await flushing.stop();
    for (const office of team.offices) await office.ledger.flush();

    const [wide, narrow] = [
      await accountOf(sql, budgets[0] ?? 0),
      await accountOf(sql, budgets[1] ?? 0),
    ];
    expect(wide.spent).toBe(narrow.spent);
    expect(narrow.spent).toBeLessThanOrEqual(1_500n + slack);
    expect(narrow.spent).toBeGreaterThanOrEqual(1_400n);
    await expectRest(sql);
  });

  test(
    "keep every budget within its cap and the slack, whatever happens in whatever order, and give all back when it is quiet",
    { timeout: 120_000 },
    async () => {
      await using opened = await open();
      const steps = fc.array(stepOf(anything), { minLength: 10, maxLength: 30 });
      await fc.assert(
        fc.asyncProperty(steps, (script) => perform(opened.database, script, null)),
        { numRuns: 5, endOnFailure: true },
      );
    },
  );
});

const [onServer] = sharedEngines.filter(({ name }) => name !== "embedded");

describe.each(onServer ? [onServer] : [])("$name: several replicas", ({ open }) => {
  test("keep each period of a budget within its cap and the slack, while one follows another", async () => {
    await using opened = await open();
    const steps = fc.array(stepOf(ordinary), { minLength: 25, maxLength: 40 });
    await fc.assert(
      fc.asyncProperty(steps, (script) => perform(opened.database, script, "1s")),
      { numRuns: 3, endOnFailure: true },
    );
  });
});

const ordinary = ["recall", "reconsider", "pause"] as const;
const anything = [...ordinary, "raise", "lower", "lapse", "vanish", "end"] as const;

function stepOf(rare: readonly (typeof anything)[number][]) {
  return fc.record({
    name: fc.oneof(
      { weight: 6, arbitrary: fc.constant("call" as const) },
      { weight: 2, arbitrary: fc.constant("burst" as const) },
      { weight: 6, arbitrary: fc.constant("settle" as const) },
      { weight: 3, arbitrary: fc.constant("flush" as const) },
      { weight: rare.length, arbitrary: fc.constantFrom(...rare) },
    ),
    replica: fc.nat(2),
    pick: fc.nat(20),
    amount: fc.bigInt(1n, 60n),
    isStrict: fc.boolean(),
    cost: fc.constantFrom("nothing", "below", "equal", "above" as const),
  });
}

type Step = ReturnType<typeof stepOf> extends fc.Arbitrary<infer Value> ? Value : never;

async function perform(database: Database, script: readonly Step[], duration: string | null) {
  await using play = await Play.begin(database, duration);
  for (const step of script) {
    await play.take(step);
    await play.check();
  }
  await play.end();
}

interface Call {
  readonly office: Office;
  readonly hold: Hold;
  readonly window: number;
  /** Undefined while it is under way. */
  cost: bigint | undefined;
  /** Its allowance lapsed, so that others may have been given what it held. */
  isForgiven: boolean;
  isFlushed: boolean;
}

/** By how much a call may bring a window above its cap. */
function slackOf({ hold, cost = 0n, isForgiven }: Call): bigint {
  if (isForgiven) return cost > hold.amount ? cost : hold.amount;
  return cost > hold.amount ? cost - hold.amount : 0n;
}

interface Standing {
  readonly id: number;
  readonly spent: bigint;
  readonly held: bigint;
}

/** One budget, three replicas, and what must be true of them. */
class Play implements AsyncDisposable {
  readonly #database: Database;
  readonly #sql: SqlPool;
  readonly #budget: number;
  readonly #offices: Office[];
  readonly #running = new Set<Promise<unknown>>();
  readonly #calls: Call[] = [];
  readonly #caps = [200n];
  /** What spent and owed of a window came to at most when the cap was last lowered, and the calls that it included. */
  #base = 200n;
  #included = new Set<Call>();

  private constructor(database: Database, budget: number, offices: Office[]) {
    this.#database = database;
    this.#sql = database.sql;
    this.#budget = budget;
    this.#offices = offices;
  }

  static async begin(database: Database, duration: string | null): Promise<Play> {
    const budget = await makeBudget(database.sql, { cap: 200n, duration });
    const offices = [];
    for (let count = 0; count < 3; count += 1) offices.push(await openOffice(database));
    return new Play(database, budget, offices);
  }

  async take(step: Step): Promise<void> {
    const { amount } = step;
    const office = this.#offices[step.replica];
    if (!office) return;
    switch (step.name) {
      case "call":
        return this.#run(this.#call(office, step));
      case "burst":
        for (let count = 0; count < 12; count += 1) this.#run(this.#call(office, step));
        return;
      case "settle":
        return this.#settle(this.#pick(step), step.cost);
      case "flush":
        return step.isStrict ? this.#flush(office) : this.#run(this.#flush(office));
      case "recall":
        for (const { id } of await this.#standings()) await office.allowances.recall(id);
        return;
      case "reconsider":
        return office.allowances.reconsider([this.#budget]);
      case "raise":
        return this.#raise(this.#cap + amount);
      case "lower":
        return this.#lower(this.#cap > amount ? this.#cap - amount : 0n);
      case "lapse":
        await this.#lapse(office, step.isStrict);
        return this.#revive(office);
      case "vanish":
        await this.#lapse(office, step.isStrict);
        return this.#replace(office);
      case "end":
        return this.#replace(office);
      case "pause":
        return void (await sleep(step.pick * 30));
    }
  }

  /** At any moment, whatever is on its way. */
  async check(): Promise<void> {
    for (const { id, spent, held } of await this.#standings())
      expect(spent + held).toBeLessThanOrEqual(this.#boundOf(id));
    for (const office of this.#offices) await this.#checkMemory(office);
  }

  async end(): Promise<void> {
    await Promise.all(this.#running);
    for (const call of this.#underWay()) await this.#settle(call, "equal");
    for (const office of this.#offices) await this.#flush(office);
    await expect.poll(async () => (await verify(this.#sql)).held, patiently).toBe(0n);
    // What is still booked as lost is found when its replica ends.
    for (const { id } of this.#offices) await endReplica(this.#sql, id);
    await expectRest(this.#sql);
    for (const { id, spent } of await this.#standings()) {
      const costs = this.#calls.map((call) => (call.window === id ? (call.cost ?? 0n) : 0n));
      expect(spent).toBe(costs.reduce((sum, cost) => sum + cost, 0n));
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.allSettled(this.#running);
    for (const office of this.#offices) {
      await office[Symbol.asyncDispose]();
      await endReplica(this.#sql, office.id);
    }
  }

  get #cap(): bigint {
    return this.#caps.at(-1) ?? 0n;
  }

  /** Nobody waits for it: what else happens may be what it waits for. */
  #run(work: Promise<void>): void {
    this.#running.add(work);
    work.then(
      () => this.#running.delete(work),
      () => undefined,
    );
  }

  async #call(office: Office, { amount, isStrict }: Step): Promise<void> {
    const least = isStrict ? amount : 1n;
    const since = this.#caps.length - 1;
    const outcome = await office.take({ budgets: [this.#budget], need: amount, least });
    if (outcome instanceof Hold) {
      expect(outcome.amount).toBeLessThanOrEqual(amount);
      expect(outcome.amount).toBeGreaterThanOrEqual(least);
      const [window = 0] = outcome.windows;
      const call = { office, hold: outcome, window, cost: undefined };
      this.#calls.push({ ...call, isForgiven: false, isFlushed: false });
      return;
    }
    expect(outcome.kind).not.toBe("unavailable");
    if (outcome.kind !== "exceeded") return;
    // Spent of a cap that was in force, and by what the database has seen.
    expect(this.#caps.slice(since)).toContain(outcome.cap);
    expect(outcome.cap - outcome.spent).toBeLessThan(least);
  }

  #underWay(office?: Office): Call[] {
    return this.#calls.filter(
      (call) => call.cost === undefined && (!office || call.office === office),
    );
  }

  #pick({ pick }: Step): Call | undefined {
    const underWay = this.#underWay();
    return underWay[pick % Math.max(1, underWay.length)];
  }

  async #settle(call: Call | undefined, cost: Step["cost"]): Promise<void> {
    if (!call) return;
    const { amount } = call.hold;
    const costs = { nothing: 0n, below: amount / 2n, equal: amount, above: amount * 3n + 1n };
    call.cost = costs[cost];
    await call.office.settle(call.hold, call.cost);
  }

  async #flush(office: Office): Promise<void> {
    const settled = this.#calls.filter((call) => call.office === office && call.cost !== undefined);
    await office.ledger.flush();
    for (const call of settled) call.isFlushed = true;
  }

  async #raise(cap: bigint): Promise<void> {
    if (cap > this.#base) this.#base = cap;
    await this.#setCap(cap);
  }

  /** What calls under way need stays theirs, and nobody has more than the new cap leaves. */
  async #lower(cap: bigint): Promise<void> {
    await this.#setCap(cap);
    const flushed = this.#calls.filter(({ isFlushed }) => isFlushed);
    const [{ spent, held } = { spent: 0n, held: 0n }] = await this.#standings();
    const needed = this.#calls
      .filter((call) => !call.isFlushed)
      .map(({ hold, cost }) => cost ?? hold.amount);
    const committed = needed.reduce((sum, amount) => sum + amount, spent);
    const most = cap > committed ? cap : committed;
    expect(spent + held).toBeLessThanOrEqual(most);
    const owed = await this.#owed();
    const bound = spent + (owed > held ? owed : held);
    this.#base = cap > bound ? cap : bound;
    this.#included = new Set(flushed);
  }

  /** What is held, or what calls under way need where that is more: one that cost more than it held took of what others hold. */
  async #owed(): Promise<bigint> {
    let owed = 0n;
    for (const { id } of this.#offices) {
      const [row] = await this.#sql<[{ held: bigint }]>`
        select coalesce(sum(amount), 0) as held from allowance where replica_id = ${id}`;
      const needed = this.#calls
        .filter(({ office, isFlushed }) => office.id === id && !isFlushed)
        .reduce(
          (sum, { hold: { amount }, cost = amount }) => sum + (cost < amount ? cost : amount),
          0n,
        );
      owed += row.held > needed ? row.held : needed;
    }
    return owed;
  }

  async #setCap(cap: bigint): Promise<void> {
    this.#caps.push(cap);
    await setCap(this.#sql, this.#budget, cap);
    await Promise.all(this.#offices.map(({ allowances }) => allowances.reconsider([this.#budget])));
  }

  /** Silent for so long that it admits nobody any more, and others may be given what its calls held. */
  async #lapse({ id, allowances }: Office, isStrict: boolean): Promise<void> {
    await Promise.all(this.#running);
    for (const call of this.#calls)
      if (call.office.id === id && !call.isFlushed) call.isForgiven = true;
    await this.#sql`update replica set expires_at = now() - interval '1 second' where id = ${id}`;
    await (isStrict ? bookLapsed(this.#sql) : releaseLapsed(this.#sql));
    allowances.forfeitAll();
  }

  async #revive({ id }: Office): Promise<void> {
    expect(await renewReplica(this.#sql, id, 600)).toBe(true);
  }

  /** It ends, with all that its journal says, and another takes its place. */
  async #replace(office: Office): Promise<void> {
    await Promise.all(this.#running);
    for (const call of this.#underWay(office)) await this.#settle(call, "equal");
    await this.#flush(office);
    await office[Symbol.asyncDispose]();
    await endReplica(this.#sql, office.id);
    this.#offices[this.#offices.indexOf(office)] = await openOffice(this.#database);
  }

  #boundOf(window: number): bigint {
    return this.#calls
      .filter((call) => call.window === window && !this.#included.has(call))
      .reduce((sum, call) => sum + slackOf(call), this.#base);
  }

  async #standings(): Promise<readonly Standing[]> {
    return this.#sql<Standing[]>`
      select w.id::float8 as id, w.spent, (select coalesce(sum(amount), 0) from allowance a where a.window_id = w.id) as held
        from budget_window w where w.budget_id = ${this.#budget} order by w.id`;
  }

  /** It believes in no more than it has, unless an answer that says so is on its way. */
  async #checkMemory({ id, allowances }: Office): Promise<void> {
    const isDeluded = async () => {
      const { amount } = allowances.holdings;
      const [row] = await this.#sql<[{ held: bigint }]>`
        select coalesce(sum(amount), 0) as held from allowance where replica_id = ${id}`;
      return amount > row.held;
    };
    if (await isDeluded()) await expect.poll(isDeluded, patiently).toBe(false);
  }
}

async function openTeam(database: Database, count: number) {
  const offices: Office[] = [];
  for (let made = 0; made < count; made += 1) offices.push(await openOffice(database));
  const dispose = async () => {
    for (const office of offices) await office[Symbol.asyncDispose]();
  };
  return { offices, [Symbol.asyncDispose]: dispose };
}

/** As the clocks of their ledgers would. */
function flushAll(offices: readonly Office[], intervalMs: number) {
  const clock = { isRunning: true };
  const run = async () => {
    while (clock.isRunning) {
      await Promise.all(offices.map(({ ledger }) => ledger.flush()));
      await sleep(intervalMs);
    }
  };
  const running = run();
  const stop = () => {
    clock.isRunning = false;
    return running;
  };
  return { stop };
}
