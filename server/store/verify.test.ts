import { describe, expect, test } from "vitest";
import { sharedEngines } from "../testing/database.ts";
import { ensureMonth, insertRows, spendRow } from "../testing/spend-row.ts";
import { putBudgets } from "./budgets.ts";
import { carve } from "./allowances.ts";
import type { SqlPool } from "./database.ts";
import { renewReplica } from "./replicas.ts";
import { verify } from "./verify.ts";

const replicaId = "00000000-0000-7000-8000-000000000001";

/** Three calls of two keys, the first key's against a budget of which 50 picodollars are held. */
async function spendSome(sql: SqlPool) {
  const owner = { kind: "key", id: "key_1" } as const;
  const terms = { model: null, soft_cap: null, temp_increase: 0n, temp_expires: null };
  const [budget] = await putBudgets(sql, owner, [
    { ...terms, slot: "max_budget", cap: 100n, duration: null },
  ]);
  await renewReplica(sql, replicaId, 600);
  const requests = [{ budgetId: budget?.id ?? 0, need: 60n, want: 60n }];
  const [carved] = await carve(sql, requests, { replicaId, timeZone: "UTC" });
  const windows = [carved?.window_id ?? 0];
  const [first, second, third] = [spendRow({ cost: "4" }), spendRow({ cost: "6" }), spendRow()];
  await ensureMonth(sql, first.started_at);
  await insertRows(sql, [first, second], { replicaId, windows });
  await insertRows(sql, [{ ...third, key_id: "key_2", cost: null }]);
}

describe.each(sharedEngines)("$name", ({ open }) => {
  test("what adds up is counted, and what is held is told", async () => {
    await using opened = await open();
    const { sql } = opened.database;
    await spendSome(sql);

    expect(await verify(sql)).toEqual({
      rows: 3n,
      keys: 2n,
      windows: 1n,
      replicas: 1n,
      held: 50n,
      differences: [],
    });
  });

  test("a sum that is not its rows' is named with both amounts", async () => {
    await using opened = await open();
    const { sql } = opened.database;
    await spendSome(sql);
    await sql`update key_spend set spend = 11 where key_id = 'key_1'`;
    await sql`delete from key_spend where key_id = 'key_2'`;
    await sql`insert into key_spend (key_id, spend) values ('key_3', 5)`;
    await sql`update budget_window set spent = 9`;

    const { differences } = await verify(sql);

    expect(differences.map((found) => ({ ...found }))).toEqual([
      { what: "key key_1", recorded: 11n, proven: 10n },
      { what: "key key_3", recorded: 5n, proven: 0n },
      {
        what: expect.stringMatching(/^window \d+ of max_budget of key key_1$/),
        recorded: 9n,
        proven: 10n,
      },
    ]);
  });

  test("money that was spent before a budget existed is a part of its window", async () => {
    await using opened = await open();
    const { sql } = opened.database;
    const before = spendRow({ cost: "7" });
    await ensureMonth(sql, before.started_at);
    await insertRows(sql, [before]);
    await spendSome(sql);

    const [window] = await sql<{ spent: bigint }[]>`select spent from budget_window`;
    expect(window?.spent).toBe(17n);
    expect((await verify(sql)).differences).toEqual([]);
  });
});
