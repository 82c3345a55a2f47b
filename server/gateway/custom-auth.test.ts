import { expect, test } from "vitest";
import { hashSecret } from "../secrets.ts";
import { masterKey, simpleConfig, startGateway } from "../testing/gateway.ts";
import { temporaryDirectory } from "../testing/gateway-process.ts";
import { bodyOf, refusalOf } from "../testing/reply.ts";

const customKey = "sk-my-master-key";

/** The seed's function, in TypeScript. */
const seedAuth = `
import type { UserAPIKeyAuth } from "keyplane";

export async function user_api_key_auth(request: Request, api_key: string): Promise<UserAPIKeyAuth> {
  try {
    const modified_master_key: string = "sk-my-master-key";
    if (api_key === modified_master_key) return { api_key };
    throw new Error("sk-secret-of-the-auth-module");
  } catch (error) {
    throw error;
  }
}
`;

function configWith(customAuth: string, master = true) {
  return (url: string) =>
    `${master ? simpleConfig(url) : simpleConfig(url).replace(/ {2}master_key: .*\n/, "")}  custom_auth: ${customAuth}\n`;
}

/** A gateway whose folder has these files; the first is custom_auth. */
async function startWith(
  files: Record<string, string>,
  { customAuth = "custom_auth.user_api_key_auth", master = true } = {},
) {
  const folder = await temporaryDirectory(files);
  try {
    const gateway = await startGateway({
      config: configWith(customAuth, master),
      directory: folder.path,
    });
    const dispose = async () => {
      await gateway[Symbol.asyncDispose]();
      await folder[Symbol.asyncDispose]();
    };
    return { ...gateway, [Symbol.asyncDispose]: dispose };
  } catch (error) {
    await folder[Symbol.asyncDispose]();
    throw error;
  }
}

/** A function that answers with this expression; \`request\` and \`key\` are in scope. */
function answering(expression: string): Record<string, string> {
  return {
    "custom_auth.js": `export const user_api_key_auth = async (request, key) => (${expression});`,
  };
}

test("the seed's custom auth lets its key in, refuses every other, and the master key still works", async () => {
  await using gateway = await startWith({ "custom_auth.ts": seedAuth });

  expect((await gateway.chat(customKey)).status).toBe(200);
  expect((await gateway.chat(masterKey)).status).toBe(200);
  const refusal = await refusalOf(await gateway.chat("sk-another-key"));
  expect(refusal).toMatchObject({ status: 401, type: "auth_error" });
  expect(refusal["message"]).not.toContain("sk-");
});

const plain =
  "export const user_api_key_auth = (request, key) => (key === 'sk-my-master-key' ? { api_key: key } : null);";
const typed = plain.replace("(request, key)", "(request: Request, key: string)");

test.each([
  ["custom_auth.ts", typed, "custom_auth.user_api_key_auth"],
  ["custom_auth.mts", typed, "custom_auth.user_api_key_auth"],
  ["custom_auth.js", plain, "custom_auth.user_api_key_auth"],
  ["custom_auth.mjs", plain, "custom_auth.user_api_key_auth"],
  ["custom_auth.ts", typed, "./custom_auth.ts"],
  ["custom_auth.mjs", plain, "./custom_auth.mjs"],
  ["custom_auth.ts", typed.replace("user_api_key_auth", "check"), "custom_auth.check"],
  ["auth.ts", typed, "auth"],
])("%s is loaded as %3$s", async (file, text, customAuth) => {
  await using gateway = await startWith({ [file]: text }, { customAuth });

  expect((await gateway.chat(customKey)).status).toBe(200);
});

test("the function may import what lies beside it", async () => {
  await using gateway = await startWith({
    "custom_auth.ts": `import { known } from "./known.ts";\nexport const user_api_key_auth = (_request: Request, key: string) => (key === known ? { api_key: key } : null);`,
    "known.ts": `export const known: string = "sk-my-master-key";`,
  });

  expect((await gateway.chat(customKey)).status).toBe(200);
});

test("the function sees the request as it came, body included, and the call still has it", async () => {
  await using gateway = await startWith(
    answering(`(async () => {
      const { model, messages } = await request.json();
      const path = new URL(request.url).pathname;
      if (path !== "/v1/chat/completions" || request.method !== "POST") throw new Error();
      if (request.headers.get("x-tenant") !== "acme" || messages[0].content !== "Hi") throw new Error();
      return { api_key: key, models: [model] };
    })()`),
  );
  const body = { model: "gpt", messages: [{ role: "user", content: "Hi" }] };

  const response = await gateway.request("POST", "/v1/chat/completions", {
    key: "sk-x",
    body,
    headers: { "x-tenant": "acme" },
  });

  expect(response.status).toBe(200);
  expect(gateway.upstream.calls).toMatchObject([{ body: { messages: body.messages } }]);
});

test("a caller without a key is shown to the function with an empty one", async () => {
  await using gateway = await startWith(answering(`key === "" ? { api_key: "guest" } : null`));

  const body = { model: "gpt", messages: [{ role: "user", content: "Hi" }] };
  expect((await gateway.request("POST", "/v1/chat/completions", { key: null, body })).status).toBe(
    200,
  );
  expect(await gateway.spendLogs()).toMatchObject([{ api_key: hashSecret("guest") }]);
});

test.each([
  ["models", `{ models: ["other"] }`, { status: 403, code: "model_access_denied" }],
  ["blocked", `{ blocked: true }`, { status: 401, code: "key_blocked" }],
  ["expires", `{ expires: new Date(0) }`, { status: 401, code: "expired_key" }],
  ["allowed_ips", `{ allowed_ips: ["10.0.0.0/8"] }`, { status: 403, code: "ip_not_allowed" }],
  [
    "allowed_routes",
    `{ allowed_routes: ["/embeddings"] }`,
    { status: 403, code: "route_not_allowed" },
  ],
])("%s that it answers with are enforced", async (_what, fields, refusal) => {
  await using gateway = await startWith(answering(`{ api_key: key, ...${fields} }`));

  expect(await refusalOf(await gateway.chat("sk-any"))).toMatchObject(refusal);
  expect(gateway.upstream.calls).toEqual([]);
});

test("aliases that it answers with lead to their group, and nulls restrict nothing", async () => {
  const nulls =
    "models: null, tags: null, expires: null, blocked: null, allowed_ips: null, allowed_routes: null";
  await using gateway = await startWith(
    answering(`{ api_key: key, aliases: { fast: "gpt" }, key_alias: "tenant", ${nulls} }`),
  );

  const response = await gateway.chat("sk-any", { model: "fast" });

  expect(await bodyOf(response)).toMatchObject({ model: "fast" });
  expect(gateway.upstream.calls).toMatchObject([{ body: { model: "gpt-real" } }]);
});

test("spend is logged to the hash of the api_key, and its owner sees it and nobody else's", async () => {
  await using gateway = await startWith(
    answering(`key.startsWith("t-") ? { api_key: key, user_id: "user-1", tags: ["t"] } : null`),
  );
  for (const key of ["t-one", "t-one", "t-two"]) await (await gateway.chat(key)).text();

  const logs = await gateway.spendLogs();
  expect(logs.map((log) => log["api_key"]).toSorted()).toEqual(
    [hashSecret("t-one"), hashSecret("t-one"), hashSecret("t-two")].toSorted(),
  );
  expect(logs[0]).toMatchObject({ user_id: "user-1", tags: ["t"], spend: 0.002 });
  expect(await gateway.spendLogs("api_key=t-one")).toHaveLength(2);
  const own = await bodyOf(await gateway.request("GET", "/spend/logs", { key: "t-two" }));
  expect(own["data"]).toMatchObject([{ api_key: hashSecret("t-two") }]);
});

test("a caller of custom auth is no admin", async () => {
  await using gateway = await startWith(answering(`{ api_key: key }`));

  expect((await gateway.request("POST", "/key/generate", { key: "sk-any", body: {} })).status).toBe(
    403,
  );
});

test("null leaves the caller to the virtual keys", async () => {
  await using gateway = await startWith(answering("null"));
  const key = await gateway.generateKey({ models: ["gpt"] });

  expect((await gateway.chat(key)).status).toBe(200);
  expect(await refusalOf(await gateway.chat("sk-unknown"))).toMatchObject({
    status: 401,
    code: "invalid_api_key",
  });
});

test("the function is asked for every call, of a key that is known as well", async () => {
  const module = `let asked = 0;
export const user_api_key_auth = async () => {
  asked += 1;
  if (asked > 2) throw new Error("no more");
  return null;
};`;
  await using gateway = await startWith({ "custom_auth.js": module });
  const key = await gateway.generateKey();

  const statuses = [];
  for (let call = 0; call < 3; call += 1) statuses.push((await gateway.chat(key)).status);

  expect(statuses).toEqual([200, 200, 401]);
});

test.each([
  ["a string", `"sk-any"`, "expected object"],
  ["true", "true", "expected object"],
  ["nothing", "undefined", "expected object"],
  ["no api_key", "{}", "api_key"],
  ["an empty api_key", `{ api_key: "" }`, "api_key"],
  ["a field that is not supported", `{ api_key: key, team_id: "t" }`, "team_id"],
  ["a budget below zero", "{ api_key: key, max_budget: -1 }", "max_budget"],
  ["a period of nothing", `{ api_key: key, budget_duration: "30d" }`, "budget_duration"],
  ["half a request in a minute", "{ api_key: key, rpm_limit: 0.5 }", "rpm_limit"],
  ["a misspelt field", "{ api_key: key, modles: [] }", "modles"],
  ["models that are no list", `{ api_key: key, models: "gpt" }`, "models"],
  ["an end that is no Date", `{ api_key: key, expires: "2030-01-01" }`, "expires"],
  ["an address that is none", `{ api_key: key, allowed_ips: ["localhost"] }`, "allowed_ips.0"],
  ["a user that cannot be written down", `{ api_key: key, user_id: "\\u0000" }`, "user_id"],
])("an answer with %s is a 500 that names the fault", async (_what, answer, words) => {
  await using gateway = await startWith(answering(answer));

  const refusal = await refusalOf(await gateway.chat("sk-any"));

  expect(refusal).toMatchObject({ status: 500, type: "server_error", code: "custom_auth_invalid" });
  expect(refusal["message"]).toContain(words);
});

test.each([
  ["throws", `(() => { throw new Error("sk-secret") })()`],
  ["rejects", `Promise.reject(new Error("sk-secret"))`],
  ["throws no Error", `(() => { throw "sk-secret" })()`],
])("a function that %s refuses the caller with 401", async (_what, expression) => {
  await using gateway = await startWith(answering(expression));

  const refusal = await refusalOf(await gateway.chat("sk-any"));

  expect(refusal).toMatchObject({ status: 401, type: "auth_error" });
  expect(refusal["message"]).not.toContain("sk-secret");
});

test("without a master key the function alone decides", async () => {
  await using gateway = await startWith({ "custom_auth.ts": seedAuth }, { master: false });

  expect((await gateway.chat(customKey)).status).toBe(200);
  expect((await gateway.request("POST", "/key/generate", { key: null, body: {} })).status).toBe(
    401,
  );
  expect(
    (await gateway.request("POST", "/key/generate", { key: customKey, body: {} })).status,
  ).toBe(403);
});

test("a missing module, a missing export and one that does not load stop the start with a word for each", async () => {
  await expect(startWith({})).rejects.toThrow(
    /^Cannot load custom_auth "custom_auth.user_api_key_auth": none of .*custom_auth\.ts, .* exists$/,
  );
  await expect(startWith({ "custom_auth.ts": "export const other = 1;" })).rejects.toThrow(
    /^Cannot use custom_auth "custom_auth.user_api_key_auth": .*custom_auth\.ts has no function "user_api_key_auth"$/,
  );
  await expect(
    startWith({ "custom_auth.ts": "export const user_api_key_auth = 1;" }),
  ).rejects.toThrow(/has no function "user_api_key_auth"/);
  await expect(startWith({ "custom_auth.ts": "throw new Error('no licence');" })).rejects.toThrow(
    /^Cannot load custom_auth "custom_auth.user_api_key_auth": .*no licence/,
  );
});
