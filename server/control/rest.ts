// oxlint-disable no-underscore-dangle -- zod and tRPC keep what they know of themselves there
import type { AnyRouter } from "@trpc/server";
import { TRPCError } from "@trpc/server";
import { getQuery, type H3Event } from "h3";
import { z } from "zod";
import { GatewayError } from "../errors.ts";
import type { RouteFamily } from "../gateway/authorize.ts";
import { parseObject, readBody } from "../gateway/request-body.ts";
import { createCallerFactory, gatewayErrorOf, type ControlContext } from "./trpc.ts";

/** How a procedure is served to clients that speak plain HTTP. One without it is served over tRPC alone. */
export interface RestMeta {
  readonly rest?: {
    readonly method: "GET" | "POST" | "PATCH";
    readonly path: string;
    /** The family by which a key's `allowed_routes` may admit it. */
    readonly family?: RouteFamily;
    readonly summary: string;
  };
}

/** A procedure as REST and OpenAPI see it. */
export interface RestRoute {
  /** Its dotted name in the router. */
  readonly name: string;
  readonly rest: NonNullable<RestMeta["rest"]>;
  readonly input: z.ZodObject;
  readonly output: z.ZodType;
}

/**
 * The routes of a router, from the procedures' own definitions. tRPC keeps these in `_def`, which it calls internal:
 * its version is pinned, and a test reads every route.
 */
export function restRoutesOf(router: AnyRouter): RestRoute[] {
  const procedures: Record<string, { _def: Definition }> = router._def.procedures as never;
  return Object.entries(procedures).flatMap(([name, { _def: definition }]) => {
    const rest = definition.meta?.rest;
    return rest ? [{ name, rest, input: definition.inputs[0], output: definition.output }] : [];
  });
}

interface Definition {
  readonly meta?: RestMeta;
  readonly inputs: readonly [z.ZodObject];
  readonly output: z.ZodType;
}

/** Calls a procedure for a plain HTTP request: input from the query or the JSON body, output as JSON. */
export function createRestHandler(
  router: AnyRouter,
  route: RestRoute,
  contextOf: (event: H3Event) => Promise<ControlContext>,
  maxBodyBytes: number,
) {
  const createCaller = createCallerFactory(router as never);
  return async (event: H3Event): Promise<unknown> => {
    const caller = createCaller((await contextOf(event)) as never) as unknown as Record<
      string,
      unknown
    >;
    const input =
      route.rest.method === "GET"
        ? fromQuery(route.input, getQuery(event))
        : await fromBody(event, maxBodyBytes);
    try {
      return await procedureOf(caller, route.name)(input);
    } catch (error) {
      throw error instanceof TRPCError ? gatewayErrorOf(error) : error;
    }
  };
}

type Procedure = (input: unknown) => Promise<unknown>;

function procedureOf(caller: Record<string, unknown>, name: string): Procedure {
  return name
    .split(".")
    .reduce<unknown>((node, step) => (node as Record<string, unknown>)[step], caller) as Procedure;
}

async function fromBody(event: H3Event, maxBodyBytes: number): Promise<Record<string, unknown>> {
  const body = await readBody(event, maxBodyBytes);
  return body.length === 0 ? {} : parseObject(body);
}

/** A query holds only text: what the schema wants as a number or a flag is read as one, and left alone where it is none. */
function fromQuery(
  schema: z.ZodObject,
  query: Readonly<Record<string, unknown>>,
): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(query).map(([name, value]) => [
      name,
      typeof value === "string" ? coerce(fieldOf(schema, name), value) : refuseRepeated(name),
    ]),
  );
}

/** Undefined for a name that the schema does not have, though every object has it: `constructor`. */
function fieldOf({ shape }: z.ZodObject, name: string): z.core.$ZodType | undefined {
  return Object.hasOwn(shape, name) ? shape[name] : undefined;
}

function coerce(schema: z.core.$ZodType | undefined, text: string): unknown {
  switch (innermost(schema)?._zod.def.type) {
    case "number":
      return text.trim() !== "" && Number.isFinite(Number(text)) ? Number(text) : text;
    case "boolean":
      return text === "true" ? true : text === "false" ? false : text;
    default:
      return text;
  }
}

/** The schema within `optional`, `default` and the like. */
function innermost(schema: z.core.$ZodType | undefined): z.core.$ZodType | undefined {
  const definition = schema?._zod.def;
  return definition && "innerType" in definition
    ? innermost(definition.innerType as z.core.$ZodType)
    : schema;
}

function refuseRepeated(name: string): never {
  throw new GatewayError("invalid_request", `Cannot use ${name}: it is given more than once`, {
    param: name,
  });
}
