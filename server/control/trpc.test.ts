import { createTRPCClient, httpBatchLink, httpLink, TRPCClientError } from "@trpc/client";
import superjson from "superjson";
import { expect, test } from "vitest";
import { masterKey, simpleConfig, startGateway, type TestGateway } from "../testing/gateway.ts";
import { refusalOf } from "../testing/reply.ts";
import type { ControlRouter } from "./router.ts";

/** The real client, and the status and text of each reply that it got. */
function clientOf({ url }: TestGateway, { key = masterKey, isBatching = false } = {}) {
  const replies: { status: number; text: string }[] = [];
  const options = {
    url: `${url}/trpc`,
    transformer: superjson,
    headers: { authorization: `Bearer ${key}` },
    async fetch(...request: Parameters<typeof fetch>) {
      const response = await fetch(...request);
      replies.push({ status: response.status, text: await response.clone().text() });
      return response;
    },
  };
  return {
    replies,
    client: createTRPCClient<ControlRouter>({
      links: [isBatching ? httpBatchLink(options) : httpLink(options)],
    }),
  };
}

async function failureOf(call: Promise<unknown>): Promise<TRPCClientError<ControlRouter>> {
  const error: unknown = await call.catch((thrown: unknown) => thrown);
  if (error instanceof TRPCClientError) return error as TRPCClientError<ControlRouter>;
  throw new Error("The call did not fail");
}

test("the typed client makes, changes and reads a key, and dates are dates", async () => {
  await using gateway = await startGateway();
  const { client } = clientOf(gateway);

  const made = await client.key.generate.mutate({
    models: ["gpt"],
    duration: "20m",
    metadata: { a: [1] },
  });
  expect(made.expires).toBeInstanceOf(Date);
  expect(made.created_at).toBeInstanceOf(Date);
  expect((await gateway.chat(made.key)).status).toBe(200);

  await client.key.updateAliases.mutate({ key: made.key, aliases: { fast: "gpt" } });
  await client.key.block.mutate({ key: made.token });
  const { info } = await client.key.info.query({ key: made.key_id });
  expect(info).toMatchObject({
    blocked: true,
    aliases: { fast: "gpt" },
    metadata: { a: [1] },
    expires: made.expires,
  });
  expect(await client.key.list.query({})).toMatchObject({ keys: [made.token], total_count: 1 });
  expect(await client.key.delete.mutate({ keys: [made.key] })).toEqual({
    deleted_keys: [made.key],
  });
});

test("spend is read over the typed client", async () => {
  await using gateway = await startGateway();
  await (await gateway.chat(masterKey)).text();
  await gateway.spendLogs();

  const { data } = await clientOf(gateway).client.spend.logs.query({});

  expect(data).toMatchObject([{ api_key: "master", spend: 0.002 }]);
  expect(data[0]?.started_at).toBeInstanceOf(Date);
});

test("a refusal has its own status and our shape of it, and no stack", async () => {
  await using gateway = await startGateway();
  const virtualKey = await gateway.generateKey();
  const [asAdmin, asKey, asNobody] = [
    clientOf(gateway),
    clientOf(gateway, { key: virtualKey }),
    clientOf(gateway, { key: "sk-unknown" }),
  ];
  const cases = [
    [
      asAdmin,
      () => asAdmin.client.key.info.query({ key: "sk-never-issued-0123456789" }),
      404,
      "key_not_found",
    ],
    [asAdmin, () => asAdmin.client.key.generate.mutate({ duration: "1 fortnight" }), 400, null],
    [asAdmin, () => asAdmin.client.key.generate.mutate({ duration: 5n } as never), 400, null],
    [
      asAdmin,
      () => asAdmin.client.key.generate.mutate({ metadata: { at: new Date() } } as never),
      400,
      null,
    ],
    [asAdmin, () => asAdmin.client.key.generate.mutate({ modles: [] } as never), 400, null],
    [asKey, () => asKey.client.key.list.query({}), 403, "route_not_allowed"],
    [asNobody, () => asNobody.client.key.list.query({}), 401, "invalid_api_key"],
    [
      asAdmin,
      () => (asAdmin.client.key as unknown as { none: { query(): Promise<unknown> } }).none.query(),
      404,
      null,
    ],
  ] as const;

  for (const [{ replies }, call, status, code] of cases) {
    const error = await failureOf(call());
    const shown = replies.at(-1)?.text ?? "";
    expect(replies.at(-1)?.status, shown).toBe(status);
    expect(error.data, shown).toMatchObject({
      httpStatus: status,
      error: { code, type: expect.any(String), message: error.message },
    });
    expect(shown).not.toMatch(/stack|node_modules|\.ts:/);
  }
});

test("a fault names its field over the typed client too", async () => {
  await using gateway = await startGateway();

  const error = await failureOf(clientOf(gateway).client.key.generate.mutate({ max_budget: -1 }));

  expect(error.data?.error).toMatchObject({ param: "max_budget", type: "invalid_request_error" });
});

test("in a batch each answer has its own status, and one refusal is not that of the others", async () => {
  await using gateway = await startGateway();
  const { client, replies } = clientOf(gateway, { isBatching: true });

  const [list, failure] = await Promise.all([
    client.key.list.query({}),
    failureOf(client.key.info.query({ key: "sk-never-issued-0123456789" })),
  ]);

  expect(replies).toHaveLength(1);
  expect(replies[0]?.status).toBe(207);
  expect(list.total_count).toBe(0);
  expect(failure.data?.httpStatus).toBe(404);
  await Promise.all([client.key.generate.mutate({}), client.key.generate.mutate({})]);
  expect(replies.map(({ status }) => status)).toEqual([207, 200]);
});

test("a body is JSON whatever its content type says", async () => {
  await using gateway = await startGateway();

  const made = await gateway.request("POST", "/trpc/key.generate", { body: { json: {} } });

  expect(made.status).toBe(200);
});

test("a query may be sent as a POST, which keeps a secret out of the address; a mutation never as a GET", async () => {
  await using gateway = await startGateway();
  const key = await gateway.generateKey();

  const asked = await gateway.request("POST", "/trpc/key.info", { body: { json: { key } } });
  expect(asked.status).toBe(200);
  const changed = await gateway.request(
    "GET",
    `/trpc/key.block?input=${encodeURIComponent(JSON.stringify({ json: { key } }))}`,
  );
  expect(changed.status).toBe(405);
  expect((await gateway.chat(key)).status).toBe(200);
});

const smallBodies = (url: string) => `${simpleConfig(url)}  max_request_size_mb: 0.001\n`;

test("a body beyond the limit is a 413, over REST and tRPC alike", async () => {
  await using gateway = await startGateway({ config: smallBodies });
  const body = { json: { metadata: { text: "x".repeat(2_000) } } };
  const tooLarge = { status: 413, type: "invalid_request_error", code: "request_too_large" };

  expect(
    await refusalOf(await gateway.request("POST", "/key/generate", { body: body.json })),
  ).toMatchObject(tooLarge);
  expect((await gateway.request("POST", "/trpc/key.generate", { body })).status).toBe(413);
  expect((await gateway.request("POST", "/key/generate", { body: {} })).status).toBe(200);
});
