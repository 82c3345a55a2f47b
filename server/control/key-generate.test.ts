import { createHash } from "node:crypto";
import { expect, test } from "vitest";
import { masterKey, simpleConfig, startGateway, type TestGateway } from "../testing/gateway.ts";
import { bodyOf, refusalOf } from "../testing/reply.ts";

const hourMs = 3_600_000;

async function generate(gateway: TestGateway, body: unknown): Promise<Record<string, unknown>> {
  const response = await gateway.request("POST", "/key/generate", { body });
  const reply = await bodyOf(response);
  expect(response.status, JSON.stringify(reply)).toBe(200);
  return reply;
}

async function refuse(gateway: TestGateway, body: unknown) {
  return refusalOf(await gateway.request("POST", "/key/generate", { body }));
}

/** Milliseconds from its making to its end. */
function lifetimeOf({ created_at, expires }: Record<string, unknown>): number {
  return Date.parse(String(expires)) - Date.parse(String(created_at));
}

test("a generated key is told with what was asked for, its names, and its secret", async () => {
  await using gateway = await startGateway();
  const asked = {
    key_alias: "ci-bot",
    models: ["gpt", "openai/*", "not-in-the-config"],
    aliases: { fast: "gpt" },
    metadata: { team: "core", nested: [1, null, { deep: true }] },
    tags: ["ci"],
    user_id: "user-1",
    allowed_routes: ["/chat/completions", "info_routes"],
    key_type: "llm_api",
    allowed_ips: ["10.0.0.0/8", "::1"],
    blocked: true,
    config: {},
    permissions: {},
  };

  const made = await generate(gateway, { ...asked, duration: "1h" });

  const secret = String(made["key"]);
  const hash = createHash("sha256").update(secret).digest("hex");
  expect(made).toMatchObject(asked);
  expect(made).toMatchObject({ token: hash, token_id: hash, spend: 0, created_by: "master" });
  expect(secret).toMatch(/^sk-[\w-]{22}$/);
  expect(made["key_name"]).toBe(`sk-...${secret.slice(-4)}`);
  expect(made["key_id"]).toMatch(/^key_[0-9a-f]{32}$/);
  expect(made["updated_at"]).toBe(made["created_at"]);
});

test("with no field, or null for one, it may call every model and expires in an hour", async () => {
  await using gateway = await startGateway();

  const made = await generate(gateway, { duration: null });

  expect(made).toMatchObject({ models: [], aliases: {}, metadata: {}, tags: [], blocked: false });
  expect(made).toMatchObject({ key_alias: null, user_id: null, key_type: "default" });
  expect(Math.abs(lifetimeOf(made) - hourMs)).toBeLessThan(5_000);
});

test("an empty body is the same as an empty object", async () => {
  await using gateway = await startGateway();

  const response = await gateway.request("POST", "/key/generate");

  expect(response.status).toBe(200);
});

test("a key expires one duration from now", async () => {
  await using gateway = await startGateway();
  const lifetimes = {
    "20m": 20 * 60_000,
    "30min": 30 * 60_000,
    "30s": 30_000,
    "30d": 720 * hourMs,
  };

  for (const [duration, lifetimeMs] of Object.entries(lifetimes)) {
    const made = await generate(gateway, { duration });
    expect(Math.abs(lifetimeOf(made) - lifetimeMs), duration).toBeLessThan(5_000);
  }
});

test("a month is a calendar month", async () => {
  await using gateway = await startGateway();

  const made = await generate(gateway, { duration: "12mo" });

  const [start, end] = [new Date(String(made["created_at"])), new Date(String(made["expires"]))];
  expect(end.getUTCFullYear()).toBe(start.getUTCFullYear() + 1);
  expect(end.getUTCMonth()).toBe(start.getUTCMonth());
});

test("the longest duration that is taken is stored and told as it is", async () => {
  await using gateway = await startGateway();

  const made = await generate(gateway, { duration: "12000mo" });

  const secret = String(made["key"]);
  const { info } = await bodyOf(await gateway.request("GET", `/key/info?key=${secret}`));
  expect(info).toMatchObject({ expires: made["expires"] });
  expect(new Date(String(made["expires"])).getUTCFullYear()).toBeGreaterThan(3000);
});

test("never is a key that does not expire", async () => {
  await using gateway = await startGateway();

  expect(await generate(gateway, { duration: "never" })).toMatchObject({ expires: null });
});

const configWithDefaults = (url: string) =>
  `${simpleConfig(url)}litellm_settings:
  default_key_generate_params: { duration: 2h, models: [gpt], metadata: { by: config } }
`;

test("default_key_generate_params fill in what the request leaves out", async () => {
  await using gateway = await startGateway({ config: configWithDefaults });

  const silent = await generate(gateway, { duration: null });
  expect(silent).toMatchObject({ models: ["gpt"], metadata: { by: "config" } });
  expect(Math.abs(lifetimeOf(silent) - 2 * hourMs)).toBeLessThan(5_000);

  const spoken = await generate(gateway, { duration: "never", models: [], metadata: {} });
  expect(spoken).toMatchObject({ expires: null, models: [], metadata: {} });
});

test("a secret may be chosen, once", async () => {
  await using gateway = await startGateway();
  const key = "sk-chosen-by-the-caller-0123456789";

  expect(await generate(gateway, { key })).toMatchObject({ key, key_name: "sk-...6789" });

  expect((await gateway.chat(key)).status).toBe(200);
  const refusal = await refuse(gateway, { key });
  expect(refusal).toMatchObject({ status: 400, param: "key", code: "key_taken" });
  expect(JSON.stringify(refusal)).not.toContain(key);
});

test.each([
  ["does not begin with sk-", "pk-0123456789abcdef0123", 'must begin with "sk-"'],
  ["is too short to be a secret", "sk-1234", "is too short for a secret"],
  ["has a space", "sk-0123456789 abcdef0123", "without spaces"],
])("a chosen secret that %s is refused, and not repeated", async (_what, key, words) => {
  await using gateway = await startGateway();

  const refusal = await refuse(gateway, { key });

  expect(refusal).toMatchObject({ status: 400, type: "invalid_request_error", param: "key" });
  expect(refusal["message"]).toContain(words);
  expect(refusal["message"]).not.toContain(key);
});

test("a key_alias belongs to one key", async () => {
  await using gateway = await startGateway();
  await generate(gateway, { key_alias: "ci-bot" });

  expect(await refuse(gateway, { key_alias: "ci-bot" })).toEqual({
    status: 400,
    message: 'Cannot use key_alias "ci-bot": another key has it',
    type: "invalid_request_error",
    param: "key_alias",
    code: "key_alias_taken",
  });
});

test("of several requests at once for one key_alias, one is granted", async () => {
  await using gateway = await startGateway();

  const responses = await Promise.all(
    Array.from({ length: 6 }, () =>
      gateway.request("POST", "/key/generate", { body: { key_alias: "same" } }),
    ),
  );

  const statuses = responses.map(({ status }) => status).toSorted();
  expect(statuses).toEqual([200, 400, 400, 400, 400, 400]);
  expect(await bodyOf(await gateway.request("GET", "/key/list"))).toMatchObject({ total_count: 1 });
});

const unsupported = {
  budget_id: "b",
  team_id: "t",
  organization_id: "o",
  auto_rotate: true,
  rotation_interval: "30d",
};

test("a field that nothing would enforce is refused by name, and its null is taken", async () => {
  await using gateway = await startGateway();

  for (const [field, value] of Object.entries(unsupported)) {
    const refusal = await refuse(gateway, { [field]: value });
    expect(refusal).toMatchObject({ status: 400, type: "invalid_request_error", param: field });
    expect(refusal["message"]).toContain(`${field} is not supported yet`);
  }
  await generate(
    gateway,
    Object.fromEntries(Object.keys(unsupported).map((field) => [field, null])),
  );
});

const faulty = [
  [{ modles: ["gpt"] }, "modles"],
  [{ constructor: 1 }, "constructor"],
  [{ models: "gpt" }, "models"],
  [{ models: [1] }, "models.0"],
  [{ models: ["all-team-models"] }, "models.0"],
  [{ models: [""] }, "models.0"],
  [{ aliases: ["gpt"] }, "aliases"],
  [{ aliases: { fast: 1 } }, "aliases.fast"],
  [{ aliases: { fast: "\ud800" } }, "aliases.fast"],
  [{ duration: "1 fortnight" }, "duration"],
  [{ duration: "0s" }, "duration"],
  [{ duration: "-1h" }, "duration"],
  [{ duration: "" }, "duration"],
  [{ duration: 3600 }, "duration"],
  [{ duration: "99999999999999s" }, "duration"],
  [{ duration: "1900y" }, "duration"],
  [{ key_alias: "" }, "key_alias"],
  [{ key_alias: "a\u0000b" }, "key_alias"],
  [{ key_alias: "line\nbreak" }, "key_alias"],
  [{ key_alias: "\ud800" }, "key_alias"],
  [{ key_alias: "x".repeat(256) }, "key_alias"],
  [{ metadata: "text" }, "metadata"],
  [{ metadata: { a: "\u0000" } }, "metadata"],
  [{ metadata: { "\u0000": 1 } }, "metadata"],
  [{ metadata: { a: ["\ud800"] } }, "metadata"],
  [{ tags: "ci" }, "tags"],
  [{ user_id: 7 }, "user_id"],
  [{ blocked: "yes" }, "blocked"],
  [{ key_type: "management" }, "key_type"],
  [{ allowed_routes: ["chat"] }, "allowed_routes.0"],
  [{ allowed_ips: ["localhost"] }, "allowed_ips.0"],
  [{ allowed_ips: ["10.0.0.0/33"] }, "allowed_ips.0"],
  [{ config: { x: 1 } }, "config"],
  [{ permissions: { x: true } }, "permissions"],
  [{ key: 12 }, "key"],
] as const;

test("a field that is unknown, of the wrong type or out of bounds is refused by its name", async () => {
  await using gateway = await startGateway();

  for (const [body, param] of faulty) {
    const refusal = await refuse(gateway, body);
    const shown = JSON.stringify([body, refusal]);
    expect(refusal, shown).toMatchObject({
      status: 400,
      type: "invalid_request_error",
      code: null,
    });
    expect(refusal["param"], shown).toMatch(new RegExp(`^${param}(\\.|$)`));
    expect(refusal["message"], shown).toContain(param);
  }
});

test("metadata may hold any text that is not a NUL character, the spelling of one included", async () => {
  await using gateway = await startGateway();
  const metadata = { note: String.raw`\u0000`, emoji: "🐈", quote: '"\\', empty: null };

  expect(await generate(gateway, { metadata })).toMatchObject({ metadata });
});

test("a body that is no JSON object is refused", async () => {
  await using gateway = await startGateway();

  for (const body of ["[]", "null", '"text"', "7", "{", "{'models': 1}", " "])
    expect(await refuse(gateway, body), body).toMatchObject({ status: 400, param: null });
});

test("only the master key makes keys", async () => {
  await using gateway = await startGateway();
  const key = await gateway.generateKey({ key_alias: "ci-bot" });

  const refused = await gateway.request("POST", "/key/generate", { key, body: {} });
  expect(await refusalOf(refused)).toEqual({
    status: 403,
    message: 'Cannot call /key/generate: it takes the master key, and key "ci-bot" is not it',
    type: "permission_error",
    param: null,
    code: "route_not_allowed",
  });
  const nobody = await gateway.request("POST", "/key/generate", { key: null, body: {} });
  expect(await refusalOf(nobody)).toMatchObject({ status: 401, code: "invalid_api_key" });
});

/** The document's own requests, byte for byte: curl sends them as form data unless told otherwise. */
const seedBodies = [
  '{"models": ["gpt-3.5-turbo", "gpt-4", "claude-2"], "duration": "20m"}',
  `{
\t"models": ["my-free-tier"], 
\t"aliases": {"gpt-3.5-turbo": "my-free-tier"}, 
\t"duration": "30min"
}`,
];

test.each<Record<string, string>>([
  {},
  { "content-type": "application/x-www-form-urlencoded" },
  { "content-type": "application/json" },
])("the seed's requests work with the headers %j", async (headers: Record<string, string>) => {
  await using gateway = await startGateway();

  for (const body of seedBodies) {
    const response = await fetch(`${gateway.url}/key/generate`, {
      method: "POST",
      headers: { authorization: `Bearer ${masterKey}`, ...headers },
      // Bytes, because fetch adds a content type to text.
      body: Buffer.from(body),
    });
    expect(response.status).toBe(200);
    const made = await bodyOf(response);
    const { duration: _, ...fields } = JSON.parse(body) as Record<string, unknown>;
    expect(made).toMatchObject(fields);
    expect(made["key"]).toMatch(/^sk-/);
    expect(Number.isFinite(Date.parse(String(made["expires"])))).toBe(true);
  }
});
