import { fetchRequestHandler } from "@trpc/server/adapters/fetch";
import { defineHandler, H3, type H3Event, type H3Route, type H3RouteMeta } from "h3";
import type { ControlContext } from "./control/trpc.ts";
import { gatewayErrorOf } from "./control/trpc.ts";
import { openApiDocument } from "./control/openapi.ts";
import { createRestHandler, restRoutesOf } from "./control/rest.ts";
import { controlRouter } from "./control/router.ts";
import type { Deps } from "./deps.ts";
import { GatewayError } from "./errors.ts";
import { authenticate } from "./gateway/authenticate.ts";
import { nodeOf } from "./gateway/node-event.ts";
import { readBody } from "./gateway/request-body.ts";
import { mountDataPlane } from "./gateway/routes.ts";
import { isLocalCaller, refuseForeignPages } from "./loopback.ts";
import { metricsContentType } from "./metrics/metrics.ts";
import { version } from "./package.ts";
import { noteFault, renderError } from "./render-error.ts";

/** Both planes, the health routes and the metrics on one h3 app. */
export function createApp(deps: Deps): H3 {
  const app = new H3({ silent: true, onError: (error, event) => renderError(deps, error, event) });
  if (deps.isOpen) app.use((event) => refuseForeignPages(nodeOf(event).request));
  mountDataPlane(app, deps.gateway);
  mountControlPlane(app, deps);
  mountHealth(app, deps);
  mountMetrics(app, deps);
  refuseTheRest(app);
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
  let document: ReturnType<typeof openApiDocument> | undefined;
  // Few ask for it, and it takes longer to build than all the rest here.
  app.get("/openapi.json", () => (document ??= openApiDocument(routes, version)));
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
      onError: ({ error }) => noteFault(deps, gatewayErrorOf(error), event),
    });
  });
}

function mountHealth(app: H3, deps: Deps): void {
  // Claude Code asks the base address whether anybody is there.
  for (const method of ["GET", "HEAD"] as const)
    app.on(method, "/", () => ({ name: "keyplane", version }));
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

/** Open to whoever is on this machine, where the scraper usually is; from elsewhere it takes the master key. */
function mountMetrics(app: H3, deps: Deps): void {
  app.get("/metrics", async (event) => {
    if (!isLocalCaller(nodeOf(event).request)) await assertAdmin(deps, event);
    return new Response(await deps.readMetrics(), {
      headers: { "content-type": metricsContentType },
    });
  });
}

async function assertAdmin({ gateway }: Deps, event: H3Event): Promise<void> {
  const caller = await authenticate(gateway.authentication, event);
  if (caller.isAdmin) return;
  throw new GatewayError(
    "route_not_allowed",
    `Cannot call ${event.url.pathname}: from another machine it takes the master key, and ${caller.name} is not it`,
  );
}

/** Every path that is served answers another method with 405, and every other path is 404: as the routes there tell errors. */
function refuseTheRest(app: H3): void {
  const paths = new Map<string, H3Route[]>();
  for (const served of app["~routes"]) {
    const { route: path, method } = served;
    if (path && method && method !== "OPTIONS")
      paths.set(path, [...(paths.get(path) ?? []), served]);
  }
  for (const [path, routes] of paths) {
    const allow = routes.map(({ method }) => method).join(", ");
    const meta = routes.map((route) => route.meta).find(hasErrorShape);
    app.all(
      path,
      (event) => {
        throw new GatewayError(
          "method_not_allowed",
          `Cannot ${event.req.method} ${path}: it takes ${allow}`,
          { headers: { allow } },
        );
      },
      { meta },
    );
    // Clients of a format look for more of it there, as Anthropic's do for batches.
    if (meta) app.all(`${path}/**`, refusePath, { meta });
  }
  app.all("/**", refusePath);
}

function hasErrorShape(meta: H3RouteMeta | undefined): boolean {
  return meta?.["errorBody"] !== undefined;
}

const refusePath = defineHandler((event) => {
  throw new GatewayError(
    "route_not_found",
    `Cannot find ${event.url.pathname}: there is no such route`,
  );
});
