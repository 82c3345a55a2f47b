import { GatewayError } from "../errors.ts";
import type { Deployment } from "../providers/deployment.ts";
import { authorizeRoute, covers, type Route } from "./authorize.ts";
import type { Caller } from "./caller.ts";
import type { Gateway } from "./gateway.ts";

/** All keys that may call these routes see and delete each other's files: it has to be said of a key that it may. */
export function authorizeFiles(caller: Caller, route: Route, address: string | undefined): void {
  authorizeRoute(caller, route, address);
  const isMeant = (allowed: string) =>
    /^(\/v1)?\/(files|batches)/.test(allowed) && covers(allowed, route);
  if (caller.isAdmin || caller.allowedRoutes.some(isMeant)) return;
  throw new GatewayError(
    "route_not_allowed",
    `Cannot call ${route.path}: files and batches are shared by all who may ask for them, and the allowed_routes of ${caller.name} do not name them`,
  );
}

/** The first of the group that can be called, in its order: what is kept at one account is not found at another. */
export function accountOf({ filesModel, catalog }: Gateway): Deployment {
  if (filesModel === undefined)
    throw new GatewayError(
      "route_not_found",
      "Cannot serve files and batches: general_settings.files_model names no model whose upstream keeps them",
    );
  const deployment = catalog()
    .findGroup(filesModel)
    ?.deployments.find(({ keepsFiles, unavailable }) => keepsFiles && unavailable === undefined);
  if (deployment) return deployment;
  throw new GatewayError(
    "route_not_found",
    `Cannot serve files and batches: general_settings.files_model is ${JSON.stringify(filesModel)}, which has no upstream that is shaped like OpenAI and can be called`,
  );
}

export function refuseBudget({ name, budgets, budgetTerms }: Caller): void {
  if (budgets.length === 0 && (budgetTerms?.length ?? 0) === 0) return;
  throw new GatewayError(
    "model_not_priced",
    `Cannot call files and batches: ${name} has a budget, and what a batch costs is charged by the upstream later, where no budget sees it`,
  );
}
