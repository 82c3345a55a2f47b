import { GatewayError } from "../errors.ts";
import type { Deployment } from "../providers/deployment.ts";
import type { Group } from "./catalog.ts";
import type { Endpoint } from "./endpoints.ts";

/**
 * How calls of a route get to a deployment: as they are, where its upstream has the route; as a chat in its provider's words;
 * as an embedding in them; or not at all.
 */
export type Passage = "native" | "chat" | "embeddings" | undefined;

export function passageOf(endpoint: Endpoint, deployment: Deployment): Passage {
  const { mode, routes, adapter, library } = deployment;
  if (mode !== undefined && !endpoint.modes.includes(mode)) return undefined;
  if (routes.has(endpoint.name)) return "native";
  if (endpoint.dialect) return "chat";
  const embeds = library !== undefined || adapter?.embeddings !== undefined;
  return endpoint.name === "embeddings" && embeds ? "embeddings" : undefined;
}

/** @throws GatewayError when no deployment of the group does what the route asks */
export function assertServes(group: Group, endpoint: Endpoint, asked: string): void {
  if (group.deployments.some((deployment) => passageOf(endpoint, deployment) !== undefined)) return;
  throw new GatewayError(
    "invalid_request",
    `Cannot call model ${JSON.stringify(asked)} on ${endpoint.path}: it does not do what that route asks for`,
    { param: "model" },
  );
}
