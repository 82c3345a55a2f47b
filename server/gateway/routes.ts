import { defineHandler, type H3 } from "h3";
import { messages } from "../dialects/messages/messages.ts";
import { GatewayError } from "../errors.ts";
import { preflight } from "./cors.ts";
import { createCountTokensHandler } from "./count-tokens.ts";
import { endpoints } from "./endpoints.ts";
import type { ErrorShapeMeta } from "./error-shape.ts";
import type { Gateway } from "./gateway.ts";
import { createFileHandler } from "./files.ts";
import { fileRoutes } from "./file-routes.ts";
import { createCallHandler } from "./handle-call.ts";
import { nodeOf } from "./node-event.ts";
import { createModelHandler, createModelListHandler } from "./models.ts";

/** Codex asks for a WebSocket first: told that there is none, it falls back to a stream. */
const refuseUpgrade = defineHandler((event) => {
  if (nodeOf(event).request.headers.upgrade === undefined)
    throw new GatewayError("method_not_allowed", "Cannot GET /responses: it takes POST", {
      headers: { allow: "POST" },
    });
  throw new GatewayError(
    "upgrade_not_supported",
    "Cannot speak WebSocket here: POST /responses with stream: true sends events",
  );
});

/** The data plane: every route with and without `/v1`, and where Azure's and older OpenAI clients look for them. */
export function mountDataPlane(app: H3, gateway: Gateway): void {
  for (const endpoint of endpoints) {
    const handler = createCallHandler(gateway, endpoint);
    const meta: ErrorShapeMeta = { errorBody: endpoint.dialect?.errorBody };
    for (const prefix of [
      "",
      "/v1",
      "/openai/deployments/:model",
      "/engines/:model",
      "/v1/engines/:model",
    ]) {
      app.post(`${prefix}/${endpoint.name}`, handler, { meta });
      app.on("OPTIONS", `${prefix}/${endpoint.name}`, preflight);
    }
  }
  const counting: ErrorShapeMeta = { errorBody: messages.errorBody };
  for (const prefix of ["", "/v1"]) {
    app.post(`${prefix}/messages/count_tokens`, createCountTokensHandler(gateway), {
      meta: counting,
    });
    for (const path of ["messages/count_tokens", "models", "models/**"])
      app.on("OPTIONS", `${prefix}/${path}`, preflight);
    app.get(`${prefix}/responses`, refuseUpgrade);
    for (const route of fileRoutes)
      app.on(route.method, prefix + route.path, createFileHandler(gateway, route));
    app.get(`${prefix}/models`, createModelListHandler(gateway));
    app.get(`${prefix}/models/**:model`, createModelHandler(gateway));
  }
}
