import { expect, test } from "vitest";
import { startGateway } from "../testing/gateway.ts";
import { bodyOf } from "../testing/reply.ts";
import { restRoutesOf } from "./rest.ts";
import { controlRouter } from "./router.ts";

type Json = Record<string, unknown>;

interface Operation {
  readonly operationId: string;
  readonly summary: string;
  readonly parameters?: {
    readonly name: string;
    readonly in: string;
    readonly required: boolean;
    readonly schema: Json;
  }[];
  readonly requestBody?: { readonly content: Json };
  readonly responses: Readonly<Record<string, { readonly description: string }>>;
}

async function readDocument() {
  await using gateway = await startGateway();
  const response = await gateway.request("GET", "/openapi.json", { key: null });
  expect(response.status).toBe(200);
  return (await bodyOf(response)) as Json & { paths: Record<string, Record<string, Operation>> };
}

test("every procedure has a REST route, and the document describes it", async () => {
  const { paths } = await readDocument();
  const routes = restRoutesOf(controlRouter);

  // oxlint-disable-next-line no-underscore-dangle -- zod and tRPC keep what they know of themselves there
  expect(routes.map(({ name }) => name)).toEqual(Object.keys(controlRouter._def.procedures));
  for (const { name, rest } of routes) {
    const operation = paths[rest.path]?.[rest.method.toLowerCase()];
    expect(operation).toMatchObject({ operationId: name, summary: rest.summary });
    expect(operation?.parameters === undefined).toBe(rest.method !== "GET");
    expect(operation?.requestBody === undefined).toBe(rest.method === "GET");
  }
});

test("every path in the document is served with the method that it names", async () => {
  await using gateway = await startGateway();
  const { paths } = (await bodyOf(await gateway.request("GET", "/openapi.json"))) as {
    paths: Record<string, Json>;
  };

  for (const [path, operations] of Object.entries(paths))
    for (const method of Object.keys(operations)) {
      const response = await gateway.request(
        method.toUpperCase(),
        path,
        method === "get" ? {} : { body: "{" },
      );
      expect([200, 400], `${method} ${path}`).toContain(response.status);
    }
});

test("the document has the shape of OpenAPI 3.1, and its references lead somewhere", async () => {
  const document = await readDocument();
  const operations = Object.values(document.paths).flatMap((path) => Object.values(path));
  const ids = operations.map(({ operationId }) => operationId);

  expect(document["openapi"]).toBe("3.1.0");
  expect(document["info"]).toMatchObject({
    title: expect.any(String),
    version: expect.any(String),
  });
  expect(Object.keys(document.paths).filter((path) => !path.startsWith("/"))).toEqual([]);
  expect(new Set(ids).size).toBe(ids.length);
  for (const { responses } of operations)
    for (const response of Object.values(responses))
      expect(response.description).toEqual(expect.any(String));
  const references = referencesIn(document);
  expect(references.length).toBeGreaterThan(0);
  for (const reference of new Set(references))
    expect(resolve(document, reference), reference).toBeTypeOf("object");
});

test("fields and their bounds come from the schemas", async () => {
  const { paths } = await readDocument();

  expect(paths["/key/list"]?.["get"]?.parameters).toContainEqual({
    in: "query",
    name: "size",
    required: false,
    schema: { type: "integer", minimum: 1, maximum: 100, default: 10 },
  });
  const update = paths["/key/update"]?.["post"]?.requestBody?.content["application/json"] as {
    schema: Json;
  };
  expect(update.schema).toMatchObject({
    type: "object",
    required: ["key"],
    additionalProperties: false,
  });
  expect(Object.keys(update.schema["properties"] as Json)).toContain("aliases");
});

function referencesIn(value: unknown): string[] {
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([name, member]) =>
    name === "$ref" ? [String(member)] : referencesIn(member),
  );
}

function resolve(document: Json, reference: string): unknown {
  return reference
    .replace("#/", "")
    .split("/")
    .reduce<unknown>((node, step) => (node as Json | undefined)?.[step], document);
}
