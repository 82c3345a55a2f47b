import type { H3Event } from "h3";
import type { Dialect } from "../dialects/dialect.ts";
import { errorBodyOf } from "../errors.ts";

type ErrorBodyOf = Dialect["errorBody"];

/** Errors of this request are told in the format of its route from here on. */
export function tellErrorsAs(event: H3Event, errorBody: ErrorBodyOf): void {
  (event.context as { errorBody?: ErrorBodyOf }).errorBody = errorBody;
}

/** How errors of a request are told: in OpenAI's shape, unless its route has one of its own. */
export function errorShapeOf(event: H3Event): ErrorBodyOf {
  return (event.context as { errorBody?: ErrorBodyOf }).errorBody ?? errorBodyOf;
}
