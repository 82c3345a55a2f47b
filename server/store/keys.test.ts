import { describe, expect, test } from "vitest";
import type { ListKeysRequest } from "../../shared/keys.ts";
import { hashSecret, newKeyId, newSecret } from "../secrets.ts";
import { sharedEngines, type TestDatabase } from "../testing/database.ts";
import { ensureMonth, insertRows, spendRow } from "../testing/spend-row.ts";
import type { BudgetTerms } from "./budget-terms.ts";
import { changeChannel, recentChanges } from "./changes.ts";
import type { Sql } from "./database.ts";
import {
  deleteKeys,
  findKey,
  findKeyBySecret,
  insertKey,
  type KeyColumns,
  listKeys,
  type NewKey,
  updateKey,
  updateKeyAndBudgets,
} from "./keys.ts";

describe.each(sharedEngines)("$name", ({ open }) => {
  test("a key is found by its id, its hash and its alias, and by its secret, as it was inserted", async () => {
    await using opened = await open();
    const { sql } = opened.database;
    const key = newKey({
      key_alias: "ci-bot",
      user_id: "ann",
      expires: new Date("2099-01-02T03:04:05.678Z"),
    });
    await insertKey(sql, newKey({ key_alias: "another" }));
    const stored = {
      ...key,
      spend: 0n,
      created_at: expect.any(Date),
      updated_at: expect.any(Date),
    };
    expect(await insertKey(sql, key)).toEqual(stored);
    for (const name of [{ key_id: key.key_id }, { hash: key.hash }, { key_alias: "ci-bot" }])
      expect(await findKey(sql, name)).toEqual(stored);
    expect(await findKeyBySecret(sql, key.hash)).toEqual(stored);
  });

  test("what is not there is not found", async () => {
    await using opened = await open();
    const { sql } = opened.database;
    const key = newKey();
    await insertKey(sql, key);
    const absent = [
      { key_id: newKeyId() },
      { hash: hashSecret("sk-other") },
      { key_alias: "null" },
      { key_alias: key.key_id },
    ];
    expect(await Promise.all(absent.map((name) => findKey(sql, name)))).toEqual(
      absent.map(() => undefined),
    );
    expect(await findKeyBySecret(sql, hashSecret("sk-other"))).toBeUndefined();
  });

  test("a rotated secret opens the key until it expires, and the key shows its current one", async () => {
    await using opened = await open();
    const { sql } = opened.database;
    const key = newKey();
    await insertKey(sql, key);
    const [valid, expired] = [hashSecret("sk-valid"), hashSecret("sk-expired")];
    await sql`
      insert into key_secret (hash, key_id, last_four, expires)
      values (${valid}, ${key.key_id}, 'alid', now() + interval '1 hour'), (${expired}, ${key.key_id}, 'ired', now() - interval '1 second')`;
    expect(await findKeyBySecret(sql, valid)).toMatchObject({ key_id: key.key_id, hash: key.hash });
    expect(await findKeyBySecret(sql, expired)).toBeUndefined();
    // An operator may still name it by what stands in a log.
    expect(await findKey(sql, { hash: expired })).toMatchObject({
      key_id: key.key_id,
      hash: key.hash,
    });
  });

  test("what a rotated secret opens expires with the secret or with the key, whichever is sooner", async () => {
    await using opened = await open();
    const { sql } = opened.database;
    const [soon, late] = [new Date("2098-01-01"), new Date("2099-01-01")];
    const cases = [
      { ofKey: null, ofSecret: soon, expires: soon },
      { ofKey: late, ofSecret: soon, expires: soon },
      { ofKey: soon, ofSecret: late, expires: soon },
    ];
    for (const [index, { ofKey, ofSecret, expires }] of cases.entries()) {
      const key = newKey({ expires: ofKey });
      const rotated = hashSecret(`sk-rotated-${index}`);
      await insertKey(sql, key);
      await sql`insert into key_secret (hash, key_id, last_four, expires) values (${rotated}, ${key.key_id}, 'ated', ${ofSecret})`;
      expect(await findKeyBySecret(sql, rotated)).toMatchObject({ key_id: key.key_id, expires });
      expect(await findKeyBySecret(sql, key.hash)).toMatchObject({ expires: ofKey });
      expect(await findKey(sql, { hash: rotated })).toMatchObject({ expires: ofKey });
    }
  });

  test("a write that takes what another key has names the constraint and leaves nothing behind", async () => {
    await using opened = await open();
    const { sql } = opened.database;
    const key = newKey({ key_alias: "ci-bot" });
    const other = newKey();
    await insertKey(sql, key);
    await insertKey(sql, other);
    await expect(insertKey(sql, newKey({ key_alias: "ci-bot" }))).rejects.toEqual(
      taken("virtual_key_key_alias_key"),
    );
    await expect(insertKey(sql, { ...newKey(), hash: key.hash })).rejects.toEqual(
      taken("key_secret_pkey"),
    );
    await expect(insertKey(sql, { ...newKey(), key_id: key.key_id })).rejects.toEqual(
      taken("virtual_key_pkey"),
    );
    await expect(updateKey(sql, { key_id: other.key_id }, { key_alias: "ci-bot" })).rejects.toEqual(
      taken("virtual_key_key_alias_key"),
    );
    expect((await listKeys(sql, page())).total).toBe(2);
  });

  test("of two inserts at once for one alias, one wins", async () => {
    await using opened = await open();
    const { sql } = opened.database;
    for (let round = 0; round < 10; round += 1) {
      const keys = [0, 1, 2, 3].map(() => newKey({ key_alias: `alias ${round}` }));
      const outcomes = await Promise.allSettled(keys.map((key) => insertKey(sql, key)));
      const winners = keys.filter((_key, index) => outcomes[index]?.status === "fulfilled");
      expect(winners).toHaveLength(1);
      expect(await findKey(sql, { key_alias: `alias ${round}` })).toMatchObject({
        key_id: winners[0]?.key_id,
        hash: winners[0]?.hash,
      });
    }
    expect((await listKeys(sql, page())).total).toBe(10);
  });

  test("an update sets what it is given, leaves the rest, and moves updated_at", async () => {
    await using opened = await open();
    const { sql } = opened.database;
    const [key, bystander] = [newKey({ key_alias: "a", ...nasty }), newKey({ key_alias: "b" })];
    await insertKey(sql, key);
    await insertKey(sql, bystander);
    const [before, untouched] = [await findKey(sql, key), await findKey(sql, bystander)];
    const patches: Partial<KeyColumns>[] = [
      { blocked: true },
      { models: [], aliases: {}, metadata: {} },
      { key_alias: null, user_id: "ann", expires: new Date("2031-01-01") },
      {
        expires: null,
        key_type: "read_only",
        allowed_ips: ["10.0.0.0/8", "::1"],
        tags: [nastyText],
      },
      { metadata: { a: [1, null, { b: "é" }] }, aliases: { [nastyText]: nastyText } },
      { rpm_limit: 0, tpm_limit: 2 ** 53 - 1, max_parallel_requests: 3 },
      { rpm_limit: null, model_rpm_limit: { [nastyText]: 0 }, model_tpm_limit: { gpt: 5 } },
      {},
    ];
    let expected = before;
    for (const patch of patches) {
      expected = expected && { ...expected, ...patch, updated_at: expect.any(Date) };
      expect(await updateKey(sql, { key_id: key.key_id }, patch)).toEqual(expected);
      expect(await findKey(sql, { key_id: key.key_id })).toEqual(expected);
    }
    const after = await findKey(sql, { key_id: key.key_id });
    expect(after?.updated_at.getTime()).toBeGreaterThanOrEqual(
      before?.updated_at.getTime() ?? Infinity,
    );
    expect(await findKey(sql, { key_id: bystander.key_id })).toEqual(untouched);
    expect(await updateKey(sql, { hash: key.hash }, { blocked: true })).toMatchObject({
      key_id: key.key_id,
      blocked: true,
      hash: key.hash,
    });
    expect(await updateKey(sql, { key_id: newKeyId() }, { blocked: true })).toBeUndefined();
    expect(await updateKey(sql, { hash: hashSecret("sk-other") }, {})).toBeUndefined();
  });

  test("texts, lists and metadata come back as they went in, by insert and by update", async () => {
    await using opened = await open();
    const { sql } = opened.database;
    const written: Partial<KeyColumns>[] = [
      { models: [nastyText, "", "null", "NULL", "{}", '"', "\\", "a,b", " a "] },
      {
        metadata: {
          a: { b: [1, 0.1, true, null, [], {}, { "": "" }] },
          "é🦆": nastyText,
          0: "zero",
        },
      },
      // Names that the driver gives to fields of its own.
      { metadata: { value: 1, type: 25, raw: "x", toString: "text", length: 3 } },
      { models: [], aliases: {}, metadata: {}, tags: [], allowed_routes: [], allowed_ips: [] },
      {
        rpm_limit: 2 ** 53 - 1,
        tpm_limit: 0,
        max_parallel_requests: 7,
        model_rpm_limit: { [nastyText]: 2 ** 53 - 1 },
        model_tpm_limit: { a: 0 },
      },
    ];
    for (const columns of written) {
      const [inserted, updated] = [newKey(columns), newKey()];
      await insertKey(sql, inserted);
      await insertKey(sql, updated);
      expect(await updateKey(sql, { key_id: updated.key_id }, columns)).toMatchObject(columns);
      expect(await findKey(sql, { key_id: inserted.key_id })).toMatchObject(columns);
      expect(await findKey(sql, { key_id: updated.key_id })).toMatchObject(columns);
    }
    expect(
      await sql`select distinct jsonb_typeof(metadata) as metadata, jsonb_typeof(aliases) as aliases from virtual_key`,
    ).toEqual([{ metadata: "object", aliases: "object" }]);
  });

  test("a key comes with its budgets, to the picodollar, however it is read", async () => {
    await using opened = await open();
    const { sql } = opened.database;
    const key = newKey({}, [
      terms({
        cap: 10n ** 27n + 1n,
        soft_cap: 10n ** 27n,
        temp_increase: 1n,
        temp_expires: new Date("2099-01-02T03:04:05.678Z"),
        duration: "30d",
      }),
      terms({ slot: "limit:1d", cap: 0n, duration: "1d" }),
      terms({ slot: `model:${nastyText}`, model: nastyText, cap: 7n }),
    ]);
    await insertKey(sql, newKey({}, [terms({ cap: 1n })]));
    const budgets = key.budgets.map((budget) => ({ id: expect.any(Number), ...budget }));

    expect((await insertKey(sql, key)).budgets).toEqual(budgets);
    expect((await findKey(sql, { key_id: key.key_id }))?.budgets).toEqual(budgets);
    expect((await findKeyBySecret(sql, key.hash))?.budgets).toEqual(budgets);
    const { rows } = await listKeys(sql, page());
    expect(rows.find(({ key_id }) => key_id === key.key_id)?.budgets).toEqual(budgets);
    const touched = await updateKey(sql, { key_id: key.key_id }, { blocked: true });
    expect(touched?.budgets).toEqual(budgets);
  });

  test("a key whose budget breaks a rule is not made at all, nor updated in part", async () => {
    await using opened = await open();
    const { sql } = opened.database;
    const faulty = [terms({ cap: 1n }), terms({ slot: "limit:1d", duration: "1d", cap: -1n })];
    await expect(insertKey(sql, newKey({}, faulty))).rejects.toMatchObject({ code: "23514" });
    expect(await sql`select from virtual_key union all select from key_secret`).toEqual([]);
    expect(await sql`select from budget`).toEqual([]);

    const { key_id } = await insertKey(sql, newKey({}, [terms({ cap: 5n })]));
    const before = await findKey(sql, { key_id });
    const update = updateKeyAndBudgets(sql, { key_id }, { blocked: true }, () => faulty);
    await expect(update).rejects.toMatchObject({ code: "23514" });
    const refusing = updateKeyAndBudgets(sql, { key_id }, { blocked: true }, () => {
      throw new Error("these do not fit together");
    });
    await expect(refusing).rejects.toThrow("these do not fit together");
    expect(await findKey(sql, { key_id })).toEqual(before);
  });

  test("an update of budgets is given those that there are, and returns the key with the new ones", async () => {
    await using opened = await open();
    const { sql } = opened.database;
    const key = newKey({ key_alias: "ci-bot" }, [terms({ cap: 5n, duration: "30d" })]);
    const made = await insertKey(sql, key);

    const updated = await updateKeyAndBudgets(sql, { hash: key.hash }, { blocked: true }, (now) => {
      expect(now).toEqual(made.budgets);
      return [...now.map((budget) => ({ ...budget, cap: 6n })), terms({ slot: "model:a" })];
    });

    expect(updated).toEqual({
      ...made,
      blocked: true,
      updated_at: expect.any(Date),
      budgets: [
        { ...made.budgets[0], cap: 6n },
        { id: expect.any(Number), ...terms({ slot: "model:a" }) },
      ],
    });
    expect(await findKey(sql, { key_id: key.key_id })).toEqual(updated);
    const nobody = { key_id: newKeyId() };
    expect(await updateKeyAndBudgets(sql, nobody, {}, () => [terms()])).toBeUndefined();
  });

  test("of updates of one key's budgets at once each builds on the one before", async () => {
    await using opened = await open();
    const { sql } = opened.database;
    const { key_id } = await insertKey(sql, newKey());
    const writers = Array.from({ length: 8 }, (_writer, index) => index);

    await Promise.all(
      writers.map((writer) =>
        updateKeyAndBudgets(sql, { key_id }, {}, (budgets) => [
          terms({ cap: 1n + BigInt(budgets.length), duration: `${writer + 1}h` }),
          ...budgets.filter(({ slot }) => slot !== "max_budget"),
          terms({ slot: `model:${writer}`, model: String(writer) }),
        ]),
      ),
    );

    const budgets = (await findKey(sql, { key_id }))?.budgets ?? [];
    expect(budgets.map(({ slot }) => slot).toSorted()).toEqual([
      "max_budget",
      ...writers.map((writer) => `model:${writer}`),
    ]);
    // Besides its own slot each saw those of all that went before.
    expect(budgets.find(({ slot }) => slot === "max_budget")?.cap).toBe(9n);
  });

  test("deleting keys takes their secrets along and leaves their spend", async () => {
    await using opened = await open();
    const { sql } = opened.database;
    const [gone, alsoGone, kept] = [newKey({}, [terms()]), newKey(), newKey({}, [terms()])];
    for (const key of [gone, alsoGone, kept]) await insertKey(sql, key);
    await spend(sql, gone.key_id);
    const references = [gone.key_id, newKeyId(), alsoGone.key_id];
    const deleted = await deleteKeys(sql, { references });
    expect(deleted.map(({ key_id }) => key_id).toSorted()).toEqual(
      [gone.key_id, alsoGone.key_id].toSorted(),
    );
    expect(await sql`select hash from key_secret`).toEqual([{ hash: kept.hash }]);
    expect(await sql`select key_id, spend from key_spend`).toEqual([
      { key_id: gone.key_id, spend: 1n },
    ]);
    expect(await sql`select key_id from spend_log`).toHaveLength(1);
    expect(await sql`select owner_id from budget where retired_at is null`).toEqual([
      { owner_id: kept.key_id },
    ]);
    expect(await sql`select from budget`).toHaveLength(2);
    expect(await deleteKeys(sql, { references: [gone.key_id] })).toEqual([]);
    expect(await deleteKeys(sql, {})).toEqual([]);
    expect(await deleteKeys(sql, { references: [], aliases: [] })).toEqual([]);
  });

  test("a delete tells by which of its names each key was found, and takes no name of one kind for another", async () => {
    await using opened = await open();
    const { sql } = opened.database;
    const keys = [newKey(), newKey(), newKey({ key_alias: "ci-bot" })] as const;
    const [byId, byHash, byAlias] = keys;
    const kept = newKey({ key_alias: byId.key_id });
    for (const key of [...keys, kept]) await insertKey(sql, key);
    const rotated = hashSecret("sk-rotated");
    await sql`insert into key_secret (hash, key_id, last_four, expires) values (${rotated}, ${byHash.key_id}, 'ated', now())`;

    const references = ["ci-bot", byId.key_id, byHash.hash, rotated];
    const deleted = await deleteKeys(sql, { references });
    expect(deleted).toHaveLength(3);
    expect(deleted).toEqual(
      expect.arrayContaining([
        { key_id: byId.key_id, name: byId.key_id },
        { key_id: byHash.key_id, name: byHash.hash },
        { key_id: byHash.key_id, name: rotated },
      ]),
    );
    expect(await deleteKeys(sql, { aliases: ["ci-bot", byAlias.hash, kept.key_id] })).toEqual([
      { key_id: byAlias.key_id, name: "ci-bot" },
    ]);
    expect((await listKeys(sql, page())).rows.map(({ key_id }) => key_id)).toEqual([kept.key_id]);
  });

  test("keys are listed by what is asked for, in either order, those without a value last", async () => {
    await using opened = await open();
    const { sql } = opened.database;
    const keys = [
      newKey({ key_alias: "b", user_id: "ann", expires: new Date("2031-01-01") }),
      newKey({ key_alias: "a", user_id: "bob", expires: null }),
      newKey({ key_alias: null, user_id: "ann", expires: new Date("2030-01-01") }),
    ];
    for (const key of keys) await insertKey(sql, key);
    await updateKey(sql, { key_id: keys[0]?.key_id ?? "" }, { blocked: true });
    await spend(sql, keys[1]?.key_id ?? "");
    const listed = async (request: Partial<ListKeysRequest>) => {
      const { rows, total } = await listKeys(sql, page(request));
      expect(total).toBe(rows.length);
      return rows.map(({ key_id }) => keys.findIndex((key) => key.key_id === key_id));
    };
    expect(await listed({})).toEqual([2, 1, 0]);
    expect(await listed({ sort_order: "asc" })).toEqual([0, 1, 2]);
    expect(await listed({ sort_by: "updated_at" })).toEqual([0, 2, 1]);
    expect(await listed({ sort_by: "key_alias", sort_order: "asc" })).toEqual([1, 0, 2]);
    expect(await listed({ sort_by: "key_alias" })).toEqual([0, 1, 2]);
    expect(await listed({ sort_by: "expires", sort_order: "asc" })).toEqual([2, 0, 1]);
    expect((await listed({ sort_by: "spend" }))[0]).toBe(1);
    expect((await listed({ user_id: "ann" })).toSorted()).toEqual([0, 2]);
    expect(await listed({ key_alias: "a" })).toEqual([1]);
    expect(await listed({ user_id: "ann", key_alias: "a" })).toEqual([]);
  });

  test("pages hold every key once, though all sort alike", async () => {
    await using opened = await open();
    const { sql } = opened.database;
    const keys = Array.from({ length: 23 }, () => newKey());
    await sql.begin(async (tx) => {
      for (const key of keys) await insertKey(tx, key);
    });
    const sorts = ["created_at", "expires", "spend"] as const;
    for (const sort_by of sorts) {
      const pages = await Promise.all(
        [1, 2, 3, 4].map((number) => listKeys(sql, page({ page: number, size: 10, sort_by }))),
      );
      expect(pages.map(({ rows, total }) => [rows.length, total])).toEqual([
        [10, 23],
        [10, 23],
        [3, 23],
        [0, 23],
      ]);
      const seen = new Set(pages.flatMap(({ rows }) => rows.map(({ key_id }) => key_id)));
      expect(seen).toEqual(new Set(keys.map(({ key_id }) => key_id)));
    }
  });

  test("a key that breaks a rule is refused, as is a second current secret", async () => {
    await using opened = await open();
    const { sql } = opened.database;
    const faults: Partial<NewKey>[] = [
      { key_id: "key_1" },
      { hash: "ABC" },
      { key_alias: "" },
      { key_type: "management" as "default" },
      { metadata: [] as unknown as Record<string, unknown> },
      { rpm_limit: -1 },
      { tpm_limit: -1 },
      { max_parallel_requests: -1 },
      { model_rpm_limit: [] as unknown as Record<string, number> },
      { model_tpm_limit: 7 as unknown as Record<string, number> },
    ];
    for (const fault of faults)
      await expect(insertKey(sql, { ...newKey(), ...fault })).rejects.toMatchObject({
        code: "23514",
      });
    expect((await listKeys(sql, page())).total).toBe(0);
    const key = newKey();
    await insertKey(sql, key);
    const second = sql`insert into key_secret (hash, key_id, last_four) values (${hashSecret("sk-2")}, ${key.key_id}, '2222')`;
    await expect(second).rejects.toMatchObject({ constraint_name: "key_secret_current" });
  });

  test("every write of a key or a secret, by whatever statement, leaves a change and notifies of it", async () => {
    await using opened = await open();
    const { sql } = opened.database;
    const [key, other] = [newKey(), newKey()];
    const { key_id, hash } = key;
    const [rotated, moved] = [hashSecret("sk-rotated"), hashSecret("sk-moved")];
    const said = await announcements(opened);

    expect(await said(() => insertKey(sql, key))).toEqual([announced(key_id, hash)]);
    expect(await said(() => updateKey(sql, { key_id }, { blocked: true }))).toEqual([
      announced(key_id),
    ]);
    expect(await said(() => sql`update virtual_key set user_id = 'ann'`)).toEqual([
      announced(key_id),
    ]);
    const rotate = sql`insert into key_secret (hash, key_id, last_four, expires) values (${rotated}, ${key_id}, 'ated', '2099-01-01')`;
    expect(await said(() => rotate)).toEqual([announced(key_id, rotated)]);
    const shorten = sql`update key_secret set expires = now() where hash = ${rotated}`;
    expect(await said(() => shorten)).toContainEqual(announced(key_id, rotated));
    expect(await said(() => insertKey(sql, other))).toEqual([announced(other.key_id, other.hash)]);
    const move = sql`update key_secret set hash = ${moved}, key_id = ${other.key_id} where hash = ${rotated}`;
    expect(await said(() => move)).toEqual(
      expect.arrayContaining([announced(key_id, rotated), announced(other.key_id, moved)]),
    );
    expect(await said(() => sql`delete from key_secret where hash = ${moved}`)).toEqual([
      announced(other.key_id, moved),
    ]);
    expect(await said(() => deleteKeys(sql, { references: [key_id] }))).toEqual([
      announced(key_id, hash),
    ]);
    expect(await said(() => sql`delete from virtual_key`)).toEqual([
      announced(other.key_id, other.hash),
    ]);
  });

  test("a changed budget of a key is announced, one that stays as it is not", async () => {
    await using opened = await open();
    const { sql } = opened.database;
    const key = newKey({}, [terms({ cap: 5n })]);
    const { key_id } = key;
    const said = await announcements(opened);
    const change = (cap: bigint) =>
      updateKeyAndBudgets(sql, { key_id }, {}, () => [terms({ cap })]);

    expect(await said(() => insertKey(sql, key))).toEqual(
      expect.arrayContaining([announced(key_id, key.hash), announced(key_id)]),
    );
    expect(await said(() => change(6n))).toEqual([announced(key_id), announced(key_id)]);
    // That of the key itself, whose updated_at has moved.
    expect(await said(() => change(6n))).toEqual([announced(key_id)]);
    expect(await said(() => sql`update budget set soft_cap = 1`)).toEqual([announced(key_id)]);
    const insert = sql`insert into budget (owner_kind, owner_id, slot) values ('custom', 'a', 'max_budget')`;
    expect(await said(() => insert)).toEqual([]);
  });

  test("spending announces nothing, nor does a write that is undone", async () => {
    await using opened = await open();
    const { sql } = opened.database;
    const key = newKey({ key_alias: "a" });
    await insertKey(sql, key);
    const said = await announcements(opened);
    expect(await said(() => spend(sql, key.key_id))).toEqual([]);
    expect(await said(() => insertKey(sql, newKey({ key_alias: "a" })).catch(() => {}))).toEqual(
      [],
    );
    expect((await findKey(sql, { key_id: key.key_id }))?.spend).toBe(1n);
  });
});

const nastyText = `it's "q" \\ {a,b} $1 % é🦆\n\tNULL`;

const nasty = {
  models: [nastyText, "b"],
  tags: ["x"],
  metadata: { deep: { text: nastyText } },
  aliases: { fast: nastyText },
};

function taken(constraint_name: string): unknown {
  return expect.objectContaining({ code: "23505", constraint_name });
}

function terms(fields: Partial<BudgetTerms> = {}): BudgetTerms {
  return {
    slot: "max_budget",
    model: null,
    cap: null,
    soft_cap: null,
    temp_increase: 0n,
    temp_expires: null,
    duration: null,
    ...fields,
  };
}

function newKey(columns: Partial<KeyColumns> = {}, budgets: readonly BudgetTerms[] = []): NewKey {
  const secret = newSecret();
  return {
    key_alias: null,
    models: [],
    aliases: {},
    metadata: {},
    tags: [],
    user_id: null,
    allowed_routes: [],
    key_type: "default",
    allowed_ips: [],
    blocked: false,
    expires: null,
    rpm_limit: null,
    tpm_limit: null,
    max_parallel_requests: null,
    model_rpm_limit: {},
    model_tpm_limit: {},
    ...columns,
    budgets,
    key_id: newKeyId(),
    hash: hashSecret(secret),
    last_four: secret.slice(-4),
    created_by: "master",
  };
}

function page(request: Partial<ListKeysRequest> = {}): ListKeysRequest {
  return {
    page: 1,
    size: 100,
    sort_by: "created_at",
    sort_order: "desc",
    return_full_object: false,
    ...request,
  };
}

async function spend(sql: TestDatabase["database"]["sql"], keyId: string): Promise<void> {
  const row = spendRow({ key_id: keyId });
  await ensureMonth(sql, row.started_at);
  await insertRows(sql, [row]);
}

function announced(key_id: string, secret_hash: string | null = null) {
  return { key_id, secret_hash };
}

/** What a write leaves in the table of changes; it fails when the notifications do not say the same. */
async function announcements({ database }: TestDatabase) {
  const { sql } = database;
  const heard: unknown[] = [];
  await database.listen(changeChannel, (payload) => heard.push(JSON.parse(payload)));
  const heardAll = async () => {
    await sql.notify(changeChannel, '"end"');
    await expect.poll(() => heard.at(-1), { timeout: 10_000, interval: 5 }).toBe("end");
  };
  // Where a test before this one listened too, what was written just now may still be on its way.
  await heardAll();
  return async (write: () => PromiseLike<unknown>) => {
    heard.length = 0;
    const before = await changesOf(sql);
    await write();
    const left = (await changesOf(sql)).slice(before.length);
    // Notifications come in the order of their commits, so what was heard before this one is all that there is.
    await heardAll();
    // Of several alike in one transaction Postgres sends one.
    expect(new Set(heard.slice(0, -1).map((change) => JSON.stringify(change)))).toEqual(
      new Set(left.map((change) => JSON.stringify(change))),
    );
    return left;
  };
}

async function changesOf(sql: Sql) {
  return (await recentChanges(sql)).map(({ key_id, secret_hash }) => ({ key_id, secret_hash }));
}
