import type { H3Event, H3RouteMeta } from "h3";
import type { Dialect } from "../dialects/dialect.ts";
import { errorBodyOf } from "../errors.ts";

type ErrorBodyOf = Dialect["errorBody"];

/** What of a route says how its errors are told, whoever raises them: undefined for OpenAI's shape. */
export interface ErrorShapeMeta extends H3RouteMeta {
  readonly errorBody: ErrorBodyOf | undefined;
}

/** How errors of a request are told: in OpenAI's shape, unless its route has one of its own. */
export function errorShapeOf(event: H3Event): ErrorBodyOf {
  const meta = event.context.matchedRoute?.meta as Partial<ErrorShapeMeta> | undefined;
  return meta?.errorBody ?? errorBodyOf;
}
