// oxlint-disable no-underscore-dangle -- zod and tRPC keep what they know of themselves there
import { z } from "zod";
import { json } from "../../shared/json.ts";
import { errorBody } from "../../shared/errors.ts";
import { modelList } from "../../shared/models.ts";
import { endpoints } from "../gateway/endpoints.ts";
import type { RestRoute } from "./rest.ts";

type Json = Record<string, unknown>;

/** The OpenAPI 3.1 document of both planes: the control plane from its procedures, the data plane from its request schemas. */
export function openApiDocument(routes: readonly RestRoute[], version: string): Json {
  return {
    openapi: "3.1.0",
    info: { title: "Keyplane", version },
    security: [{ bearer: [] }],
    paths: {
      ...Object.fromEntries(
        routes.map((route) => [
          route.rest.path,
          { [route.rest.method.toLowerCase()]: controlOperation(route) },
        ]),
      ),
      ...Object.fromEntries(
        endpoints.map(({ name, schema }) => [`/v1/${name}`, { post: callOperation(name, schema) }]),
      ),
      "/v1/models": {
        get: operation("models.list", {
          summary: "The models that the key may call",
          output: modelList,
        }),
      },
    },
    components: {
      schemas: { Error: schemaOf(errorBody, "output"), ...namedSchemas() },
      securitySchemes: {
        bearer: { type: "http", scheme: "bearer", description: "A virtual key, or the master key" },
      },
    },
  };
}

function controlOperation({ name, rest, input, output }: RestRoute): Json {
  const schema = schemaOf(input, "input");
  const isQuery = rest.method === "GET";
  return {
    ...operation(name, { summary: rest.summary, output }),
    ...(isQuery ? { parameters: parametersOf(schema) } : { requestBody: bodyOf(schema) }),
  };
}

function callOperation(name: string, schema: z.ZodType): Json {
  return {
    ...operation(name.replace("/", "."), {
      summary: `OpenAI's ${name}; with "stream": true a stream of server-sent events`,
      output: z.looseObject({}),
    }),
    requestBody: bodyOf(schemaOf(schema, "input")),
  };
}

function operation(
  operationId: string,
  { summary, output }: { summary: string; output: z.ZodType },
): Json {
  return {
    operationId,
    summary,
    responses: {
      200: {
        description: "Done",
        content: { "application/json": { schema: schemaOf(output, "output") } },
      },
      default: {
        description: "Not done",
        content: { "application/json": { schema: { $ref: "#/components/schemas/Error" } } },
      },
    },
  };
}

function bodyOf(schema: Json): Json {
  return { required: true, content: { "application/json": { schema } } };
}

function parametersOf(schema: Json): Json[] {
  const required = Array.isArray(schema["required"]) ? schema["required"] : [];
  return Object.entries((schema["properties"] as Json | undefined) ?? {}).map(
    ([name, property]) => ({
      in: "query",
      name,
      required: required.includes(name),
      schema: property,
    }),
  );
}

function schemaOf(schema: z.ZodType, io: "input" | "output"): Json {
  const { $schema: _dialect, $defs: _named, ...described } = describe(schema, io);
  return described;
}

/** The schemas that others refer to by name. */
function namedSchemas(): Json {
  return describe(json, "output")["$defs"] as Json;
}

/** A schema as JSON Schema whose references are those of this document, not of one of its own. */
function describe(schema: z.ZodType, io: "input" | "output"): Json {
  const described = z.toJSONSchema(schema, {
    io,
    unrepresentable: "any",
    reused: "inline",
    override: ({ zodSchema, jsonSchema }) => {
      if (zodSchema._zod.def.type === "date")
        Object.assign(jsonSchema, { type: "string", format: "date-time" });
    },
  });
  return JSON.parse(JSON.stringify(described), (name, value: unknown) =>
    name === "$ref" && typeof value === "string"
      ? value.replace("#/$defs/", "#/components/schemas/")
      : value,
  );
}
