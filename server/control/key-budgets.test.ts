import { setTimeout } from "node:timers/promises";
import { createTRPCClient, httpLink } from "@trpc/client";
import superjson from "superjson";
import { expect, test } from "vitest";
import { hashSecret } from "../secrets.ts";
import { masterKey, simpleConfig, startGateway, type TestGateway } from "../testing/gateway.ts";
import { bodyOf, refusalOf } from "../testing/reply.ts";
import type { ControlRouter } from "./router.ts";

type Fields = Record<string, unknown>;

async function post(gateway: TestGateway, path: string, body: Fields): Promise<Fields> {
  const response = await gateway.request("POST", path, { body });
  const reply = await bodyOf(response);
  expect(response.status, JSON.stringify(reply)).toBe(200);
  return reply;
}

async function infoOf(gateway: TestGateway, key: unknown): Promise<Fields> {
  const { info } = await bodyOf(await gateway.request("GET", `/key/info?key=${String(key)}`));
  return info as Fields;
}

async function refuse(gateway: TestGateway, path: string, body: Fields) {
  return refusalOf(await gateway.request("POST", path, { body }));
}

function clientOf({ url }: TestGateway) {
  const headers = { authorization: `Bearer ${masterKey}` };
  return createTRPCClient<ControlRouter>({
    links: [httpLink({ url: `${url}/trpc`, transformer: superjson, headers })],
  });
}

const everything = {
  max_budget: 0.100000000001,
  soft_budget: 999_999_999_999.5,
  budget_duration: "30d",
  budget_limits: [
    { max_budget: 0, budget_duration: "1d" },
    { max_budget: 7.25, budget_duration: "1h" },
  ],
  model_max_budget: {
    gpt: { max_budget: 1, budget_duration: null },
    "openai/*": { max_budget: 2, budget_duration: "1mo" },
  },
  temp_budget_increase: 0.000000000001,
  temp_budget_expiry: "2099-01-02T03:04:05.678Z",
  rpm_limit: 0,
  tpm_limit: 9_007_199_254_740_991,
  max_parallel_requests: 3,
  model_rpm_limit: { gpt: 5 },
  model_tpm_limit: { "openai/*": 0 },
};

const nothing = {
  max_budget: null,
  soft_budget: null,
  budget_duration: null,
  budget_limits: [],
  model_max_budget: {},
  temp_budget_increase: null,
  temp_budget_expiry: null,
  rpm_limit: null,
  tpm_limit: null,
  max_parallel_requests: null,
  model_rpm_limit: {},
  model_tpm_limit: {},
};

test("budgets and limits are told as they were asked for, by every route that shows a key", async () => {
  await using gateway = await startGateway();

  const made = await post(gateway, "/key/generate", { ...everything, key_alias: "ci-bot" });
  const { key } = made;

  expect(made).toMatchObject(everything);
  expect(await infoOf(gateway, key)).toMatchObject(everything);
  expect(await post(gateway, "/key/update", { key, key_alias: "bot" })).toMatchObject(everything);
  expect(await post(gateway, "/key/block", { key })).toMatchObject(everything);
  const listed = await bodyOf(await gateway.request("GET", "/key/list?return_full_object=true"));
  expect(listed["keys"]).toMatchObject([everything]);
});

test("a key without budgets and limits says so", async () => {
  await using gateway = await startGateway();

  const { key, ...made } = await post(gateway, "/key/generate", {});

  expect(made).toMatchObject(nothing);
  const info = await infoOf(gateway, key);
  expect(info).toMatchObject({ ...nothing, budget_windows: [], budget_reset_at: null });
  const nulls = Object.fromEntries(Object.keys(nothing).map((field) => [field, null]));
  expect(await post(gateway, "/key/generate", nulls)).toMatchObject(nothing);
});

test("an update sets each field, keeps those that it does not name, and null clears", async () => {
  await using gateway = await startGateway();
  const key = await gateway.generateKey();
  const grown: Fields = { ...nothing };
  // Those that need each other go together.
  const { soft_budget, budget_limits, model_max_budget, rpm_limit, tpm_limit, ...rest } =
    everything;
  const { max_parallel_requests, model_rpm_limit, model_tpm_limit, ...together } = rest;
  const steps: Fields[] = [
    { soft_budget },
    together,
    { budget_limits },
    { model_max_budget },
    { rpm_limit },
    { tpm_limit },
    { max_parallel_requests },
    { model_rpm_limit },
    { model_tpm_limit },
  ];

  for (const fields of steps) {
    Object.assign(grown, fields);
    expect(await post(gateway, "/key/update", { key, ...fields })).toMatchObject(grown);
    expect(await infoOf(gateway, key)).toMatchObject(grown);
  }
  for (const fields of steps.toReversed()) {
    const nulls = Object.fromEntries(Object.keys(fields).map((field) => [field, null]));
    const emptied = Object.keys(fields).map((field) => [
      field,
      nothing[field as keyof typeof nothing],
    ]);
    Object.assign(grown, Object.fromEntries(emptied));
    expect(await post(gateway, "/key/update", { key, ...nulls })).toMatchObject(grown);
  }
  expect(grown).toEqual(nothing);
});

test("the typed client sends and reads them too, and moments are dates", async () => {
  await using gateway = await startGateway();
  const client = clientOf(gateway);
  const expiry = new Date(everything.temp_budget_expiry);

  const made = await client.key.generate.mutate({
    ...everything,
    model_max_budget: { gpt: 1, "openai/*": { budget_limit: 2, time_period: "1mo" } },
  });
  const told = { ...everything, temp_budget_expiry: expiry };
  expect(made).toMatchObject(told);
  const { info } = await client.key.info.query({ key: made.key });
  expect(info).toMatchObject(told);
  expect(info.budget_windows).toHaveLength(5);
  expect(info.budget_reset_at).toBeInstanceOf(Date);

  const updated = await client.key.update.mutate({ key: made.key, max_budget: 5 });
  expect(updated).toMatchObject({ ...told, max_budget: 5 });
  const { keys } = await client.key.list.query({ return_full_object: true });
  expect(keys).toMatchObject([{ ...told, max_budget: 5, budget_windows: { length: 5 } }]);
});

test("a temporary increase may end a duration from now", async () => {
  await using gateway = await startGateway();
  const beforeMs = Date.now();

  const made = await post(gateway, "/key/generate", {
    max_budget: 1,
    temp_budget_increase: 2,
    temp_budget_expiry: "36h",
  });

  const endMs = Date.parse(String(made["temp_budget_expiry"]));
  expect(endMs).toBeGreaterThanOrEqual(beforeMs + 36 * 3_600_000);
  expect(endMs).toBeLessThanOrEqual(Date.now() + 36 * 3_600_000);
});

const faulty: [Fields, string][] = [
  [{ max_budget: -1 }, "max_budget"],
  [{ max_budget: 1e-13 }, "max_budget"],
  [{ max_budget: 1e16 }, "max_budget"],
  [{ max_budget: "1" }, "max_budget"],
  [{ soft_budget: -0.5 }, "soft_budget"],
  [{ soft_budget: 1e-20 }, "soft_budget"],
  [{ max_budget: 1, budget_duration: "monthly" }, "budget_duration"],
  [{ max_budget: 1, budget_duration: "0d" }, "budget_duration"],
  [{ max_budget: 1, budget_duration: 30 }, "budget_duration"],
  [{ max_budget: 1, budget_duration: "never" }, "budget_duration"],
  [{ budget_duration: "30d" }, "budget_duration"],
  [{ budget_limits: {} }, "budget_limits"],
  [{ budget_limits: [{ max_budget: 1 }] }, "budget_limits.0.budget_duration"],
  [{ budget_limits: [{ budget_duration: "1d" }] }, "budget_limits.0.max_budget"],
  [{ budget_limits: [{ max_budget: 1, budget_duration: "1d", per: "x" }] }, "budget_limits.0.per"],
  [
    {
      budget_limits: [
        { max_budget: 1, budget_duration: "1d" },
        { max_budget: 2, budget_duration: "1d" },
      ],
    },
    "budget_limits",
  ],
  [
    {
      budget_limits: Array.from({ length: 11 }, (_none, n) => ({
        max_budget: 1,
        budget_duration: `${n + 1}h`,
      })),
    },
    "budget_limits",
  ],
  [{ model_max_budget: 5 }, "model_max_budget"],
  [{ model_max_budget: { gpt: -1 } }, "model_max_budget.gpt"],
  [{ model_max_budget: { gpt: "5" } }, "model_max_budget.gpt"],
  [{ model_max_budget: { gpt: {} } }, "model_max_budget.gpt"],
  [{ model_max_budget: { gpt: { max_budget: 1, budget_limit: 1 } } }, "model_max_budget.gpt"],
  [{ model_max_budget: { "": 1 } }, "model_max_budget."],
  [{ model_max_budget: { "a\u0000b": 1 } }, "model_max_budget.a\u0000b"],
  [
    { model_max_budget: Object.fromEntries(Array.from({ length: 101 }, (_none, n) => [n, 1])) },
    "model_max_budget",
  ],
  [{ max_budget: 1, temp_budget_increase: 1 }, "temp_budget_increase"],
  [{ max_budget: 1, temp_budget_expiry: "7d" }, "temp_budget_expiry"],
  [{ temp_budget_increase: 1, temp_budget_expiry: "7d" }, "temp_budget_increase"],
  [
    { max_budget: 1, temp_budget_increase: 1, temp_budget_expiry: "2030-01-01" },
    "temp_budget_expiry",
  ],
  [{ rpm_limit: -1 }, "rpm_limit"],
  [{ rpm_limit: 0.5 }, "rpm_limit"],
  [{ tpm_limit: "5" }, "tpm_limit"],
  [{ tpm_limit: 1e300 }, "tpm_limit"],
  [{ max_parallel_requests: -1 }, "max_parallel_requests"],
  [{ model_rpm_limit: { gpt: -1 } }, "model_rpm_limit.gpt"],
  [{ model_rpm_limit: [] }, "model_rpm_limit"],
  [{ model_tpm_limit: { gpt: null } }, "model_tpm_limit.gpt"],
];

test("what is out of bounds, or does not fit together, is refused by its name, and changes nothing", async () => {
  await using gateway = await startGateway();
  const key = await gateway.generateKey();
  const before = await infoOf(gateway, key);

  for (const [fields, param] of faulty)
    for (const [path, body] of [
      ["/key/generate", fields],
      ["/key/update", { key, ...fields }],
    ] as const) {
      const refusal = await refuse(gateway, path, body);
      expect(refusal, JSON.stringify(body)).toMatchObject({
        status: 400,
        type: "invalid_request_error",
        param,
        code: null,
      });
      expect(refusal["message"]).toContain(`${param}: `);
    }
  expect(await infoOf(gateway, key)).toEqual(before);
  expect(await bodyOf(await gateway.request("GET", "/key/list"))).toMatchObject({ total_count: 1 });
});

test("what an update leaves of a key must fit together", async () => {
  await using gateway = await startGateway();
  const key = await gateway.generateKey({
    max_budget: 1,
    budget_duration: "30d",
    temp_budget_increase: 1,
    temp_budget_expiry: "7d",
  });
  const update = (fields: Fields) => refuse(gateway, "/key/update", { key, ...fields });

  expect(await update({ max_budget: null, temp_budget_increase: null })).toEqual({
    status: 400,
    message:
      "budget_duration: must come with max_budget or soft_budget, whose period it is; null clears it",
    type: "invalid_request_error",
    param: "budget_duration",
    code: null,
  });
  expect(await update({ max_budget: null, soft_budget: 1 })).toMatchObject({
    param: "temp_budget_increase",
  });
  expect(await update({ temp_budget_expiry: null })).toMatchObject({
    param: "temp_budget_increase",
  });
  expect(await update({ temp_budget_increase: null, key_alias: "a" })).toMatchObject({
    param: "temp_budget_expiry",
  });
  expect(await infoOf(gateway, key)).toMatchObject({ max_budget: 1, key_alias: null });
  await post(gateway, "/key/update", { key, temp_budget_increase: 5 });
  await post(gateway, "/key/update", { key, budget_duration: "1mo" });
  expect(await infoOf(gateway, key)).toMatchObject({ temp_budget_increase: 5, max_budget: 1 });
});

async function idsOf({ deps }: TestGateway): Promise<Fields> {
  const rows = await deps.database.sql<{ slot: string; id: number }[]>`
    select slot, id::float8 as id from budget where retired_at is null`;
  return Object.fromEntries(rows.map(({ slot, id }) => [slot, id]));
}

test("another amount keeps the budget and what was spent of it, another period begins a new one", async () => {
  await using gateway = await startGateway();
  const key = await gateway.generateKey({ ...everything, duration: "never" });
  const before = await idsOf(gateway);
  expect(Object.keys(before)).toHaveLength(5);

  await post(gateway, "/key/update", {
    key,
    max_budget: 5,
    soft_budget: null,
    temp_budget_increase: 3,
    budget_limits: everything.budget_limits.map((limit) => ({ ...limit, max_budget: 9 })),
    model_max_budget: { ...everything.model_max_budget, gpt: 8 },
  });
  expect(await idsOf(gateway)).toEqual(before);

  await post(gateway, "/key/update", { key, budget_duration: "1mo" });
  const after = await idsOf(gateway);
  expect(after).toEqual({ ...before, max_budget: after["max_budget"] });
  expect(after["max_budget"]).not.toBe(before["max_budget"]);
});

test("updates of one key at once all take effect", async () => {
  await using gateway = await startGateway();
  const key = await gateway.generateKey();
  const updates: Fields[] = [
    { max_budget: 1 },
    { soft_budget: 2 },
    { budget_limits: [{ max_budget: 3, budget_duration: "1d" }] },
    { model_max_budget: { gpt: 4 } },
    { rpm_limit: 5 },
    { key_alias: "ci-bot" },
  ];

  await Promise.all(updates.map((fields) => post(gateway, "/key/update", { key, ...fields })));

  expect(await infoOf(gateway, key)).toMatchObject({
    max_budget: 1,
    soft_budget: 2,
    budget_limits: [{ max_budget: 3, budget_duration: "1d" }],
    model_max_budget: { gpt: { max_budget: 4, budget_duration: null } },
    rpm_limit: 5,
    key_alias: "ci-bot",
  });
});

test("each budget shows the window that it is in", async () => {
  await using gateway = await startGateway({
    config: (url) => `${simpleConfig(url)}  time_zone: Asia/Kolkata\n`,
  });
  const key = await gateway.generateKey({
    max_budget: 5,
    soft_budget: 4,
    budget_duration: "1d",
    temp_budget_increase: 2,
    temp_budget_expiry: "7d",
    model_max_budget: { gpt: 3 },
  });

  const info = await infoOf(gateway, key);

  const [daily = {}, ofModel] = info["budget_windows"] as Fields[];
  expect([daily, ofModel]).toEqual([
    {
      budget: "max_budget",
      model: null,
      max_budget: 7,
      soft_budget: 4,
      budget_duration: "1d",
      spend: 0,
      reserved: 0,
      starts_at: expect.any(String),
      resets_at: expect.any(String),
    },
    {
      budget: "model:gpt",
      model: "gpt",
      max_budget: 3,
      soft_budget: null,
      budget_duration: null,
      spend: 0,
      reserved: 0,
      starts_at: info["created_at"],
      resets_at: null,
    },
  ]);
  // Midnight in Kolkata, which has no summer time.
  expect(String(daily["starts_at"])).toMatch(/T18:30:00\.000Z$/);
  expect(Date.parse(String(daily["resets_at"])) - Date.parse(String(daily["starts_at"]))).toBe(
    86_400_000,
  );
  expect(info["budget_reset_at"]).toBe(daily["resets_at"]);
});

/** 1.000000000001 USD for each budget window made before it and for itself. */
function spendOf(id: number): number {
  return Number(`${id}.00000000000${id}`);
}

test("a window shows what was spent and what is reserved, and each key its own", async () => {
  await using gateway = await startGateway();
  const fields = { max_budget: 5, budget_duration: "30d" };
  const keys = [await gateway.generateKey(fields), await gateway.generateKey(fields)];
  await gateway.generateKey();
  const { sql } = gateway.deps.database;
  await sql`select current_window(b, 'UTC') from budget b`;
  await sql`update budget_window set spent = 1000000000001 * id`;
  await sql`
    with r as (insert into replica (id, expires_at) values (gen_random_uuid(), 'infinity') returning id)
    insert into allowance (window_id, replica_id, amount, version)
    select w.id, r.id, 1, 1 from budget_window w cross join r`;
  const [first = 0] = (await sql`select id::float8 as id from budget_window order by id`).map(
    ({ id }) => id as number,
  );

  const listed = await bodyOf(
    await gateway.request("GET", "/key/list?return_full_object=true&sort_order=asc"),
  );

  const spends = (listed["keys"] as Fields[]).map(({ budget_windows }) =>
    (budget_windows as Fields[]).map(({ spend, reserved }) => [spend, reserved]),
  );
  expect(spends).toEqual([[[spendOf(first), 1e-12]], [[spendOf(first + 1), 1e-12]], []]);
  expect(await infoOf(gateway, keys[1])).toMatchObject({
    budget_windows: [{ spend: spendOf(first + 1) }],
  });
});

const configWithDefaults = (url: string) => `${simpleConfig(url)}litellm_settings:
  default_key_generate_params:
    max_budget: 1.5
    budget_duration: 30d
    model_max_budget: { gpt: 1 }
    rpm_limit: 60
    model_tpm_limit: { gpt: 5 }
`;

test("default_key_generate_params give budgets and limits to keys that do not say", async () => {
  await using gateway = await startGateway({ config: configWithDefaults });
  const defaults = {
    max_budget: 1.5,
    budget_duration: "30d",
    model_max_budget: { gpt: { max_budget: 1, budget_duration: null } },
    rpm_limit: 60,
    model_tpm_limit: { gpt: 5 },
  };

  expect(await post(gateway, "/key/generate", {})).toMatchObject({ ...nothing, ...defaults });
  expect(await post(gateway, "/key/generate", { max_budget: 3, rpm_limit: null })).toMatchObject({
    ...defaults,
    max_budget: 3,
  });
  const other = { budget_duration: "1d", model_max_budget: {}, rpm_limit: 0, model_tpm_limit: {} };
  expect(await post(gateway, "/key/generate", other)).toMatchObject({ ...defaults, ...other });
});

test("a period in default_key_generate_params is for keys that have a budget", async () => {
  await using gateway = await startGateway({
    config: (url) =>
      `${simpleConfig(url)}litellm_settings: { default_key_generate_params: { budget_duration: 30d } }\n`,
  });

  expect(await post(gateway, "/key/generate", {})).toMatchObject(nothing);
  expect(await post(gateway, "/key/generate", { soft_budget: 1 })).toMatchObject({
    budget_duration: "30d",
  });
  expect(await refuse(gateway, "/key/generate", { budget_duration: "1d" })).toMatchObject({
    param: "budget_duration",
  });
});

test("a budget that another replica has changed is that of the key's next call", async () => {
  await using gateway = await startGateway();
  const key = await gateway.generateKey({ max_budget: 5, rpm_limit: 60 });
  const caller = async () => gateway.deps.gateway.authentication.keys.find(hashSecret(key));
  // Until all is heard of its making, and nothing but what follows makes the replica forget it.
  const isKept = async () => {
    const kept = await caller();
    await setTimeout(700);
    return kept === (await caller());
  };
  await expect.poll(isKept, { timeout: 10_000 }).toBe(true);
  expect(await caller()).toMatchObject({
    budgets: [{ name: "max_budget" }],
    limits: { requests: 60 },
  });

  const { sql } = gateway.deps.database;
  await sql`
    insert into budget (owner_kind, owner_id, slot, model, cap)
    select 'key', key_id, 'model:gpt', 'gpt', 7 from virtual_key`;

  const names = async () => (await caller())?.budgets.map(({ name }) => name);
  await expect
    .poll(names, { timeout: 10_000, interval: 20 })
    .toEqual(["max_budget", 'model_max_budget of "gpt"']);
});
