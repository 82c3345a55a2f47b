import type { H3Event } from "h3";
import type { Deps } from "./deps.ts";
import { GatewayError, toGatewayError } from "./errors.ts";
import { errorShapeOf } from "./gateway/error-shape.ts";
import { nodeOf } from "./gateway/node-event.ts";
import { requestIdOf } from "./gateway/request-id.ts";

/** What is thrown on the way to a reply, as the reply. h3 wraps what a handler throws in an error of its own, and raises some itself. */
export function renderError(deps: Deps, thrown: Error, event: H3Event): Response | undefined {
  const error = thrown instanceof GatewayError ? thrown : fromFramework(thrown);
  noteFault(deps, error, event);
  const { response } = nodeOf(event);
  if (response.headersSent) {
    response.destroy();
    return undefined;
  }
  return Response.json(errorShapeOf(event)(error), {
    status: error.status,
    headers: {
      ...(error.status === 401 && unchanging),
      ...error.details.headers,
      "x-request-id": requestIdOf(event),
      // Where Anthropic's clients look for it.
      "request-id": requestIdOf(event),
    },
  });
}

/** A key that is refused is refused again: Claude Code sends it for minutes, in silence, unless it is told. */
const unchanging = { "x-should-retry": "false" };

function fromFramework(
  thrown: Error & { readonly status?: number; readonly unhandled?: boolean },
): GatewayError {
  if (thrown.cause instanceof Error) return toGatewayError(thrown.cause);
  if (thrown.status === 404) return new GatewayError("route_not_found", "There is no such route");
  if (thrown.status !== undefined && thrown.status < 500)
    return new GatewayError("invalid_request", "Cannot read the request's address");
  return toGatewayError(thrown);
}

/** Counts an error, and tells the operator what the caller is not told. */
export function noteFault({ logger, gateway }: Deps, error: GatewayError, event: H3Event): void {
  if (isOurs(error)) gateway.metrics.refuse(error.code);
  const fields = { requestId: requestIdOf(event), path: event.url.pathname, code: error.code };
  if (error.status >= 500)
    logger.error({ ...fields, cause: describe(error.details.cause) }, error.message);
  else logger.debug(fields, error.message);
}

/** What an upstream said is counted with its attempt, and a client that left was refused nothing. */
function isOurs({ code }: GatewayError): boolean {
  return !code.startsWith("upstream_") && code !== "client_closed";
}

function describe(cause: unknown): string | undefined {
  if (cause === undefined) return undefined;
  return cause instanceof Error
    ? (cause.stack ?? cause.message)
    : "something that is no Error was thrown";
}
