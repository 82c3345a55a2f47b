import { fetchRequestHandler } from "@trpc/server/adapters/fetch";
import { H3, type H3Event } from "h3";
import type { ControlContext } from "./control/trpc.ts";
import { gatewayErrorOf } from "./control/trpc.ts";
import { openApiDocument } from "./control/openapi.ts";
import { createRestHandler, restRoutesOf } from "./control/rest.ts";
import { controlRouter } from "./control/router.ts";
import type { Deps } from "./deps.ts";
import { errorBodyOf, GatewayError, toGatewayError } from "./errors.ts";
import { authenticate } from "./gateway/authenticate.ts";
import { nodeOf } from "./gateway/node-event.ts";
import { readBody } from "./gateway/request-body.ts";
import { requestIdOf } from "./gateway/request-id.ts";
import { mountDataPlane } from "./gateway/routes.ts";
import { refuseForeignPages } from "./loopback.ts";
import { version } from "./package.ts";

/** Both planes and the health routes on one h3 app. Errors are rendered here and nowhere else. */
export function createApp(deps: Deps): H3 {
  const app = new H3({ silent: true, onError: (error, event) => renderError(deps, error, event) });
  if (deps.isOpen) app.use((event) => refuseForeignPages(nodeOf(event).request));
  mountDataPlane(app, deps.gateway);
  mountControlPlane(app, deps);
  mountHealth(app, deps);
  refuseOtherMethods(app);
  return app;
}

function mountControlPlane(app: H3, deps: Deps): void {
  const { gateway, plane } = deps;
  const contextOf = async (event: H3Event): Promise<ControlContext> => ({
    caller: await authenticate(gateway.authentication, event),
    address: nodeOf(event).request.socket.remoteAddress,
    plane,
  });
  const routes = restRoutesOf(controlRouter);
  for (const route of routes)
    app.on(
      route.rest.method,
      route.rest.path,
      createRestHandler(controlRouter, route, contextOf, gateway.maxBodyBytes),
    );
  const document = openApiDocument(routes, version);
  app.get("/openapi.json", () => document);
  app.all("/trpc/**", async (event) => {
    const { method, url } = event.req;
    const headers = new Headers(event.req.headers);
    // A body is JSON whatever its content type says, as on every other route.
    if (method === "POST") headers.set("content-type", "application/json");
    const body =
      method === "POST" ? new Uint8Array(await readBody(event, gateway.maxBodyBytes)) : null;
    return fetchRequestHandler({
      endpoint: "/trpc",
      // So that a client can keep the secret of a key that it asks about out of the address.
      allowMethodOverride: true,
      req: new Request(url, { method, headers, body }),
      router: controlRouter,
      createContext: () => contextOf(event),
      onError: ({ error }) => logFault(deps, gatewayErrorOf(error), event),
    });
  });
}

function mountHealth(app: H3, deps: Deps): void {
  const { changes, maxStalenessMs } = deps.gateway.authentication;
  for (const name of ["liveliness", "liveness"])
    app.get(`/health/${name}`, () => ({ status: "alive" }));
  app.get("/health/readiness", () => {
    if (deps.isDraining()) throw new GatewayError("draining", "This gateway is shutting down");
    if (changes.stalenessMs > maxStalenessMs)
      throw new GatewayError("database_unavailable", "The database is out of reach");
    return { status: "ready", version };
  });
}

/** Every path that is served answers another method with 405, and every other path with 404, in the one shape. */
function refuseOtherMethods(app: H3): void {
  const paths = new Map<string, string[]>();
  for (const { route, method } of app["~routes"])
    if (route && method) paths.set(route, [...(paths.get(route) ?? []), method]);
  for (const [path, methods] of paths)
    app.all(path, (event) => {
      throw new GatewayError(
        "method_not_allowed",
        `Cannot ${event.req.method} ${path}: it takes ${methods.join(", ")}`,
        { headers: { allow: methods.join(", ") } },
      );
    });
  app.all("/**", (event) => {
    throw new GatewayError(
      "route_not_found",
      `Cannot find ${event.url.pathname}: there is no such route`,
    );
  });
}

/** h3 wraps what a handler throws in an error of its own, and raises some itself. */
function renderError(deps: Deps, thrown: Error, event: H3Event): Response | undefined {
  const error = thrown instanceof GatewayError ? thrown : fromFramework(thrown);
  logFault(deps, error, event);
  const { response } = nodeOf(event);
  if (response.headersSent) {
    response.destroy();
    return undefined;
  }
  return Response.json(errorBodyOf(error), {
    status: error.status,
    headers: { ...error.details.headers, "x-request-id": requestIdOf(event) },
  });
}

function fromFramework(
  thrown: Error & { readonly status?: number; readonly unhandled?: boolean },
): GatewayError {
  if (thrown.cause instanceof Error) return toGatewayError(thrown.cause);
  if (thrown.status === 404) return new GatewayError("route_not_found", "There is no such route");
  if (thrown.status !== undefined && thrown.status < 500)
    return new GatewayError("invalid_request", "Cannot read the request's address");
  return toGatewayError(thrown);
}

/** What the caller is not told, the operator is. */
function logFault({ logger }: Deps, error: GatewayError, event: H3Event): void {
  const fields = { requestId: requestIdOf(event), path: event.url.pathname, code: error.code };
  if (error.status >= 500)
    logger.error({ ...fields, cause: describe(error.details.cause) }, error.message);
  else logger.debug(fields, error.message);
}

function describe(cause: unknown): string | undefined {
  if (cause === undefined) return undefined;
  return cause instanceof Error
    ? (cause.stack ?? cause.message)
    : "something that is no Error was thrown";
}
