import type { H3 } from "h3";
import { endpoints } from "./endpoints.ts";
import type { Gateway } from "./gateway.ts";
import { createFileHandler } from "./files.ts";
import { fileRoutes } from "./file-routes.ts";
import { createCallHandler } from "./handle-call.ts";
import { createModelHandler, createModelListHandler } from "./models.ts";

/** The data plane: every route with and without `/v1`, and where Azure's and older OpenAI clients look for them. */
export function mountDataPlane(app: H3, gateway: Gateway): void {
  for (const endpoint of endpoints) {
    const handler = createCallHandler(gateway, endpoint);
    for (const prefix of [
      "",
      "/v1",
      "/openai/deployments/:model",
      "/engines/:model",
      "/v1/engines/:model",
    ])
      app.post(`${prefix}/${endpoint.name}`, handler);
  }
  for (const prefix of ["", "/v1"]) {
    for (const route of fileRoutes)
      app.on(route.method, prefix + route.path, createFileHandler(gateway, route));
    app.get(`${prefix}/models`, createModelListHandler(gateway));
    app.get(`${prefix}/models/**:model`, createModelHandler(gateway));
  }
}
