import { expect, test } from "vitest";
import {
  configText,
  masterKey,
  modelEntry,
  startGateway,
  type TestGateway,
} from "../testing/gateway.ts";

/** A gateway with groups of these names, each on an upstream model `real-<name>` unless a model is given. */
function gatewayWith(
  groups: readonly (string | readonly [string, string])[],
  aliases: Record<string, string> = {},
): Promise<TestGateway> {
  return startGateway({
    config: (api_base) =>
      configText({
        model_list: groups.map((group) => {
          const [model_name, model] =
            typeof group === "string" ? [group, `openai/real-${group}`] : group;
          return modelEntry({ model_name, model, api_base });
        }),
        router_settings: { model_group_alias: aliases },
      }),
  });
}

const lastModel = ({ upstream }: TestGateway) => upstream.calls.at(-1)?.body["model"];

async function modelsOf(gateway: TestGateway, key: string): Promise<string[]> {
  const response = await gateway.request("GET", "/v1/models", { key });
  return ((await response.json()) as { data: { id: string }[] }).data
    .map(({ id }) => id)
    .toSorted();
}

const tiers = ["my-free-tier", "my-paid-tier"];

test("a key may call an alias whose target it may call, although the alias is not among its models", async () => {
  await using gateway = await gatewayWith(tiers);
  const key = await gateway.generateKey({
    models: ["my-free-tier"],
    aliases: { "gpt-3.5-turbo": "my-free-tier" },
  });

  expect((await gateway.chat(key, { model: "gpt-3.5-turbo" })).status).toBe(200);
  expect(lastModel(gateway)).toBe("real-my-free-tier");
  expect(await modelsOf(gateway, key)).toEqual(["gpt-3.5-turbo", "my-free-tier"]);
});

test("a key may not call an alias whose target it may not call, although the alias is among its models", async () => {
  await using gateway = await gatewayWith(tiers);
  const key = await gateway.generateKey({
    models: ["gpt-3.5-turbo"],
    aliases: { "gpt-3.5-turbo": "my-paid-tier" },
  });

  const response = await gateway.chat(key, { model: "gpt-3.5-turbo" });

  expect(response.status).toBe(403);
  expect(await response.json()).toMatchObject({
    error: { code: "model_access_denied", param: "model" },
  });
  expect(await modelsOf(gateway, key)).toEqual([]);
});

test("changing a key's alias changes where its next call goes", async () => {
  await using gateway = await gatewayWith(tiers);
  const key = await gateway.generateKey({
    models: tiers,
    aliases: { "gpt-3.5-turbo": "my-free-tier" },
  });
  const call = () => gateway.chat(key, { model: "gpt-3.5-turbo" });

  for (const target of ["my-paid-tier", "my-free-tier", "my-paid-tier"]) {
    await call();
    const changed = await gateway.request("PATCH", "/key/aliases", {
      body: { key, aliases: { "gpt-3.5-turbo": target } },
    });
    expect(changed.status).toBe(200);
    const reply = (await (await call()).json()) as { model: string };
    expect(lastModel(gateway)).toBe(`real-${target}`);
    expect(reply.model).toBe("gpt-3.5-turbo");
  }
});

test("a key's alias goes before a group of the same name", async () => {
  await using gateway = await gatewayWith(tiers);
  const key = await gateway.generateKey({ aliases: { "my-paid-tier": "my-free-tier" } });

  await gateway.chat(key, { model: "my-paid-tier" });

  expect(lastModel(gateway)).toBe("real-my-free-tier");
});

test("an alias of one key means nothing to another", async () => {
  await using gateway = await gatewayWith(tiers);
  await gateway.generateKey({ aliases: { mine: "my-free-tier" } });
  const other = await gateway.generateKey();

  expect((await gateway.chat(other, { model: "mine" })).status).toBe(404);
});

test.each(["__proto__", "constructor", "toString"])(
  "%s is a name like any other, and no alias",
  async (model) => {
    await using gateway = await gatewayWith(tiers);
    const key = await gateway.generateKey({ aliases: { a: "my-free-tier" } });

    expect((await gateway.chat(key, { model })).status).toBe(404);
  },
);

test("a global alias may be called by whoever may call it or its target", async () => {
  await using gateway = await gatewayWith(tiers, { default: "my-free-tier" });
  const byAlias = await gateway.generateKey({ models: ["default"] });
  const byTarget = await gateway.generateKey({ models: ["my-free-tier"] });
  const byNeither = await gateway.generateKey({ models: ["my-paid-tier"] });

  expect((await gateway.chat(byAlias, { model: "default" })).status).toBe(200);
  expect((await gateway.chat(byAlias, { model: "my-free-tier" })).status).toBe(403);
  expect((await gateway.chat(byTarget, { model: "default" })).status).toBe(200);
  expect((await gateway.chat(byNeither, { model: "default" })).status).toBe(403);
  expect(new Set(gateway.upstream.calls.map(({ body }) => body["model"]))).toEqual(
    new Set(["real-my-free-tier"]),
  );
  expect(await modelsOf(gateway, byAlias)).toEqual(["default"]);
  expect(await modelsOf(gateway, byTarget)).toEqual(["default", "my-free-tier"]);
});

test("a key's alias may lead to a global alias", async () => {
  await using gateway = await gatewayWith(tiers, { default: "my-free-tier" });
  const key = await gateway.generateKey({ models: ["my-free-tier"], aliases: { mine: "default" } });

  await gateway.chat(key, { model: "mine" });

  expect(lastModel(gateway)).toBe("real-my-free-tier");
});

test("a wildcard group takes every name that fits, the most specific one first, and a whole name before all", async () => {
  await using gateway = await gatewayWith([
    ["*", "custom_openai/any-*"],
    ["openai/*", "openai/*"],
    ["openai/gpt-4*", "openai/four-*"],
    ["openai/gpt-4o", "openai/exact"],
  ]);
  const sent: unknown[] = [];

  for (const model of ["openai/gpt-4o", "openai/gpt-4.1", "openai/o3", "openai/a/b", "claude"]) {
    const reply = (await (await gateway.chat(masterKey, { model })).json()) as { model: string };
    expect(reply.model).toBe(model);
    sent.push(lastModel(gateway));
  }

  expect(sent).toEqual(["exact", "four-.1", "o3", "a/b", "any-claude"]);
});

test("a key held to a wildcard may call what fits it, and nothing else", async () => {
  await using gateway = await gatewayWith([["openai/*", "openai/*"], "openai/own", "other"]);
  const key = await gateway.generateKey({ models: ["openai/*"] });

  expect((await gateway.chat(key, { model: "openai/gpt-4o" })).status).toBe(200);
  expect((await gateway.chat(key, { model: "openai/own" })).status).toBe(200);
  expect((await gateway.chat(key, { model: "other" })).status).toBe(403);
  expect((await gateway.chat(key, { model: "openaix" })).status).toBe(403);
  expect(await modelsOf(gateway, key)).toEqual(["openai/own"]);
});

test("a name that a wildcard group takes can be looked up, and is listed where the key names it", async () => {
  await using gateway = await gatewayWith([["openai/*", "openai/*"]]);
  const key = await gateway.generateKey({ models: ["openai/gpt-4o", "gone"] });

  expect(await modelsOf(gateway, key)).toEqual(["openai/gpt-4o"]);
  expect((await gateway.request("GET", "/v1/models/openai/gpt-4o", { key })).status).toBe(200);
  expect((await gateway.request("GET", "/v1/models/openai/gpt-4o")).status).toBe(200);
  expect((await gateway.request("GET", "/v1/models/openai/o3", { key })).status).toBe(404);
});

test("a key with no-default-models may call nothing yet, not even by that name", async () => {
  await using gateway = await gatewayWith(["gpt", ["*", "openai/*"]]);
  const key = await gateway.generateKey({ models: ["no-default-models"] });

  expect(await modelsOf(gateway, key)).toEqual([]);
  for (const model of ["gpt", "other", "no-default-models"])
    expect((await gateway.chat(key, { model })).status).toBe(403);
});

test("a key without models may call all", async () => {
  await using gateway = await gatewayWith(tiers, { default: "my-free-tier" });

  for (const models of [null, [], ["all-proxy-models"]]) {
    const key = await gateway.generateKey({ models });
    expect(await modelsOf(gateway, key)).toEqual(["default", "my-free-tier", "my-paid-tier"]);
    expect((await gateway.chat(key, { model: "my-paid-tier" })).status).toBe(200);
  }
});
