import { defineHandler, type EventHandler, type H3Event } from "h3";
import type { Model } from "../../shared/models.ts";
import { GatewayError } from "../errors.ts";
import { authenticate } from "./authenticate.ts";
import { authorizeRoute } from "./authorize.ts";
import type { Caller } from "./caller.ts";
import { allowOrigin } from "./cors.ts";
import type { Gateway } from "./gateway.ts";
import { nodeOf } from "./node-event.ts";
import { callableNames, resolveModel } from "./resolve.ts";

const route = { path: "/models", families: ["llm_api_routes", "info_routes"] } as const;

/** GET /v1/models: exactly what the key may call. */
export function createModelListHandler(gateway: Gateway): EventHandler {
  return defineHandler(async (event) => {
    const caller = await callerOf(gateway, event);
    return {
      object: "list",
      data: callableNames(gateway.catalog(), caller).map((id) => modelOf(gateway, id)),
    };
  });
}

/** GET /v1/models/{id}. One that the key may not call is not there. Ids may hold slashes. */
export function createModelHandler(gateway: Gateway): EventHandler {
  return defineHandler(async (event) => {
    const caller = await callerOf(gateway, event);
    const id = decodeURIComponent(event.context.params?.["model"] ?? "");
    const { group, isAllowed } = resolveModel(gateway.catalog(), caller, id);
    if (isAllowed && group) return modelOf(gateway, id);
    throw new GatewayError(
      "model_not_found",
      `Cannot find model ${JSON.stringify(id)} among those that ${caller.name} may call`,
      { param: "model" },
    );
  });
}

async function callerOf(gateway: Gateway, event: H3Event): Promise<Caller> {
  allowOrigin(event);
  const caller = await authenticate(gateway.authentication, event);
  authorizeRoute(caller, route, nodeOf(event).request.socket.remoteAddress);
  return caller;
}

function modelOf({ startedAt }: Gateway, id: string): Model {
  return {
    id,
    object: "model",
    created: Math.floor(startedAt.getTime() / 1000),
    owned_by: "keyplane",
  };
}
