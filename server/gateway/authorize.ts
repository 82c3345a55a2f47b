import { isIPv6 } from "node:net";
import { GatewayError } from "../errors.ts";
import type { Caller } from "./caller.ts";
import type { Resolution } from "./resolve.ts";

export type RouteFamily = "llm_api_routes" | "info_routes";

/** A route as `allowed_routes` knows it: without `/v1`, and the families that it belongs to. */
export interface Route {
  readonly path: string;
  readonly families: readonly RouteFamily[];
}

/** @throws GatewayError `ip_not_allowed`, `route_not_allowed` */
export function authorizeRoute(caller: Caller, route: Route, address: string | undefined): void {
  if (caller.allowedIps && !isAllowedAddress(caller.allowedIps, address))
    throw new GatewayError("ip_not_allowed", `Cannot use ${caller.name} from this address`);
  if (
    caller.allowedRoutes.length > 0 &&
    !caller.allowedRoutes.some((allowed) => covers(allowed, route))
  )
    throw new GatewayError(
      "route_not_allowed",
      `Cannot call ${route.path}: ${caller.name} may call only ${caller.allowedRoutes.join(", ")}`,
    );
}

function isAllowedAddress(
  list: NonNullable<Caller["allowedIps"]>,
  address: string | undefined,
): boolean {
  if (address === undefined) return false;
  // A dual-stack socket shows IPv4 peers in IPv6 form.
  const plain = address.startsWith("::ffff:") && address.includes(".") ? address.slice(7) : address;
  return list.check(plain, isIPv6(plain) ? "ipv6" : "ipv4");
}

/** Whether an entry of `allowed_routes` is for a route. */
export function covers(allowed: string, { path, families }: Route): boolean {
  if (families.some((family) => family === allowed)) return true;
  const pattern = allowed.replace(/^\/v1(?=\/)/, "");
  return pattern.endsWith("*") ? path.startsWith(pattern.slice(0, -1)) : pattern === path;
}

/**
 * Whether a caller may call what a name resolved to. To a caller that is held to some models, one it may not call and
 * one that does not exist look the same.
 *
 * @throws GatewayError `model_access_denied`, or `model_not_found` for a caller that may call any.
 */
export function authorizeModel(
  caller: Caller,
  asked: string,
  resolution: Resolution,
): asserts resolution is Resolution & { group: object } {
  if (!resolution.isAllowed)
    throw new GatewayError(
      "model_access_denied",
      `Cannot use model ${JSON.stringify(asked)}: ${caller.name} may call only ${listed(caller)}`,
      {
        param: "model",
      },
    );
  if (!resolution.group)
    throw new GatewayError(
      "model_not_found",
      `Cannot find model ${JSON.stringify(asked)}: GET /v1/models lists what can be called`,
      { param: "model" },
    );
}

function listed({ models }: Caller): string {
  const names = models.filter((name) => name !== "no-default-models");
  return names.length === 0
    ? "what is granted to it, which is nothing yet"
    : names.map((name) => JSON.stringify(name)).join(", ");
}
