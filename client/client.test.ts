import { once } from "node:events";
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, expect, test } from "vitest";
import { masterKey, startGateway, type TestGateway } from "../server/testing/gateway.ts";
import { createClient, KeyplaneError } from "./index.ts";

let gateway: TestGateway;
beforeAll(async () => {
  gateway = await startGateway();
});
afterAll(() => gateway[Symbol.asyncDispose]());

const asAdmin = (options: { timeoutMs?: number; fetch?: typeof fetch } = {}) =>
  createClient({ url: gateway.url, key: masterKey, ...options });

/** A server that is no Keyplane, on loopback. */
async function startServer(listener: RequestListener) {
  const server = createServer(listener).listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const close = async () => {
    if (!server.listening) return;
    server.closeAllConnections();
    server.close();
    await once(server, "close");
  };
  return { url: `http://127.0.0.1:${port}`, close, [Symbol.asyncDispose]: close };
}

async function failureOf(call: Promise<unknown>): Promise<KeyplaneError> {
  const thrown = await call.catch((error: unknown) => error);
  expect(thrown).toBeInstanceOf(KeyplaneError);
  return thrown as KeyplaneError;
}

test("a key is generated with its fields, and its moments are Dates", async () => {
  const before = Date.now();
  const generated = await asAdmin().key.generate({
    models: ["gpt"],
    duration: "20m",
    metadata: { owner: "ci" },
  });

  expect(generated).toMatchObject({
    models: ["gpt"],
    metadata: { owner: "ci" },
    blocked: false,
    spend: 0,
  });
  expect(generated.key).toMatch(/^sk-/);
  expect(generated.created_at).toBeInstanceOf(Date);
  expect(generated.expires?.getTime()).toBeGreaterThanOrEqual(before + 20 * 60_000);
  expect((await gateway.chat(generated.key)).status).toBe(200);
});

test("a call without input asks for the defaults", async () => {
  const keyplane = asAdmin();

  const { key, models } = await keyplane.key.generate();
  const { info } = await createClient({ url: gateway.url, key }).key.info();

  expect(models).toEqual([]);
  expect(info.key_name).toBe(`sk-...${key.slice(-4)}`);
});

test("a key that never expires has null for a moment", async () => {
  expect((await asAdmin().key.generate({ duration: "never" })).expires).toBeNull();
});

test("a key is changed, blocked, unblocked and deleted", async () => {
  const { key: keys } = asAdmin();
  const { key } = await keys.generate({ key_alias: "to be changed", tags: ["a"] });

  expect(await keys.update({ key, tags: ["b"], key_alias: null })).toMatchObject({
    tags: ["b"],
    key_alias: null,
  });
  expect((await keys.updateAliases({ key, aliases: { cheap: "gpt" } })).aliases).toEqual({
    cheap: "gpt",
  });
  expect((await keys.block({ key })).blocked).toBe(true);
  expect((await gateway.chat(key)).status).toBe(401);
  expect((await keys.unblock({ key })).blocked).toBe(false);
  expect((await gateway.chat(key)).status).toBe(200);
  expect(await keys.delete({ keys: [key] })).toEqual({ deleted_keys: [key] });
  expect((await gateway.chat(key)).status).toBe(401);
});

test("keys are listed, as hashes or whole", async () => {
  const { key: keys } = asAdmin();
  const { token } = await keys.generate({ user_id: "lister" });

  expect(await keys.list({ user_id: "lister" })).toEqual({
    keys: [token],
    total_count: 1,
    current_page: 1,
    total_pages: 1,
  });
  const [whole] = (await keys.list({ user_id: "lister", return_full_object: true })).keys;
  expect(whole).toMatchObject({ token, created_at: expect.any(Date) });
});

test("the spend of a call is read by its request id", async () => {
  const key = await gateway.generateKey();
  await gateway.chat(key);
  await gateway.spendOf(key);

  const { data } = await createClient({ url: gateway.url, key }).spend.logs();
  const [row] = (await asAdmin().spend.logs({ request_id: data[0]?.request_id })).data;

  expect(row).toEqual(data[0]);
  expect(row).toMatchObject({ model: "gpt", status: "success", started_at: expect.any(Date) });
});

test("the key may be a function, which is asked before each call", async () => {
  const keys = [masterKey, "sk-not-a-key-of-this-gateway"];
  const keyplane = createClient({ url: gateway.url, key: async () => keys.shift() ?? "" });

  await keyplane.key.list();

  expect(await failureOf(keyplane.key.list())).toMatchObject({ status: 401 });
});

test("what the key's function throws reaches the caller as it is", async () => {
  const lost = new Error("The vault is closed");
  const keyplane = createClient({ url: gateway.url, key: () => Promise.reject(lost) });

  await expect(keyplane.key.list()).rejects.toBe(lost);
});

test("a key that was read with its line's end works", async () => {
  await createClient({ url: gateway.url, key: `${masterKey}\n` }).key.list();
});

test("an address may end in a slash, and headers go with every request", async () => {
  const seen: Headers[] = [];
  const keyplane = createClient({
    url: `${gateway.url}/`,
    key: masterKey,
    headers: { "x-request-id": "mine" },
    fetch: (input, init) => {
      seen.push(new Request(input, init).headers);
      return fetch(input, init);
    },
  });

  await keyplane.key.list();

  expect(seen.map((headers) => headers.get("x-request-id"))).toEqual(["mine"]);
});

test("a wrong key is a KeyplaneError with the gateway's status, type and code", async () => {
  const error = await failureOf(
    createClient({ url: gateway.url, key: "sk-not-a-key-of-this-gateway" }).key.info(),
  );

  expect(error).toMatchObject({
    name: "KeyplaneError",
    status: 401,
    type: "auth_error",
    code: "invalid_api_key",
    param: null,
  });
  expect(error.message).toMatch(/^The API key is not known here/);
});

test("a key that does not exist is told apart by its code", async () => {
  const error = await failureOf(asAdmin().key.info({ key: "sk-nobody-has-this-key-at-all" }));

  expect(error).toMatchObject({ status: 404, code: "key_not_found", param: "key" });
});

test("a field that the gateway does not know is refused by its name", async () => {
  const misspelt: object = { modles: ["gpt"] };

  expect(await failureOf(asAdmin().key.generate(misspelt))).toMatchObject({
    status: 400,
    type: "invalid_request_error",
    param: "modles",
  });
});

test("an address below which there is no control plane answers with the gateway's own error", async () => {
  const error = await failureOf(
    createClient({ url: `${gateway.url}/elsewhere`, key: masterKey }).key.list(),
  );

  expect(error).toMatchObject({ status: 404, type: "invalid_request_error", code: null });
});

test("a gateway that does not answer in time is given up", async () => {
  await using silent = await startServer(() => {});
  const error = await failureOf(createClient({ url: silent.url, timeoutMs: 50 }).key.list());

  expect(error).toMatchObject({
    status: null,
    type: "timeout_error",
    code: null,
    message: `Cannot wait longer than 50 ms for ${silent.url}/trpc`,
  });
  expect(error.cause).toMatchObject({ name: "TimeoutError" });
});

test("the time of a call includes that of its answer", async () => {
  await using slow = await startServer((_request, response) => {
    response.writeHead(200, { "content-type": "application/json" }).write("{");
  });

  expect(await failureOf(createClient({ url: slow.url, timeoutMs: 50 }).key.list())).toMatchObject({
    type: "timeout_error",
  });
});

test("a gateway that is gone is a KeyplaneError with the reason as its cause", async () => {
  const gone = await startServer(() => {});
  await gone.close();
  const error = await failureOf(createClient({ url: gone.url }).key.list());

  expect(error).toMatchObject({
    status: null,
    type: "connection_error",
    code: null,
    message: `Cannot reach ${gone.url}/trpc`,
  });
  expect(error.cause).toBeInstanceOf(TypeError);
});

test.each([
  ["a proxy's page", "text/html", "<h1>Bad gateway</h1>"],
  ["another server's JSON", "application/json", '{"message":"no route"}'],
])("%s keeps its status", async (_what, type, body) => {
  await using proxy = await startServer((_request, response) =>
    response.writeHead(502, { "content-type": type }).end(body),
  );

  expect(await failureOf(createClient({ url: proxy.url }).key.list())).toMatchObject({
    status: 502,
    type: "invalid_response",
    code: null,
  });
});

test("a call is given up by its signal, with the signal's reason", async () => {
  const giveUp = new AbortController();
  await using silent = await startServer(() => giveUp.abort(new Error("No longer wanted")));
  const call = createClient({ url: silent.url }).key.list({}, { signal: giveUp.signal });

  await expect(call).rejects.toThrow("No longer wanted");
});
