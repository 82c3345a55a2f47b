import { initTRPC, type TRPCError } from "@trpc/server";
import superjson from "superjson";
import { ZodError } from "zod";
import { errorBodyOf, GatewayError, toGatewayError } from "../errors.ts";
import { authorizeRoute } from "../gateway/authorize.ts";
import type { Caller } from "../gateway/caller.ts";
import type { ControlPlane } from "./control-plane.ts";
import type { RestMeta } from "./rest.ts";

/** What a procedure is called with: who by, and the plane that it works on. */
export interface ControlContext {
  readonly caller: Caller;
  /** Where the call came from. */
  readonly address: string | undefined;
  readonly plane: ControlPlane;
}

const trpc = initTRPC
  .context<ControlContext>()
  .meta<RestMeta>()
  .create({
    transformer: superjson,
    // Else stacks go to clients whenever NODE_ENV is unset.
    isDev: false,
    errorFormatter: ({ shape, error }) => {
      const known = gatewayErrorOf(error);
      const body = errorBodyOf(known);
      // The status here is also that of the reply, or in a batch that of this answer.
      return {
        ...shape,
        message: body.error.message,
        data: { ...shape.data, httpStatus: known.status, error: body.error },
      };
    },
  });

export const { router, createCallerFactory } = trpc;

/** The error behind one that tRPC carries: its input checks and our own throws alike. */
export function gatewayErrorOf(error: TRPCError): GatewayError {
  // A reply that does not fit its own schema is no fault of the caller.
  if (error.cause instanceof ZodError && error.code === "INTERNAL_SERVER_ERROR")
    return toGatewayError(error);
  if (error.cause instanceof SyntaxError)
    return new GatewayError("invalid_request", "Cannot read the input: it is not JSON");
  if (error.cause) return toGatewayError(error.cause);
  if (error.code === "METHOD_NOT_SUPPORTED")
    return new GatewayError("method_not_allowed", error.message);
  if (error.code === "NOT_FOUND") return new GatewayError("route_not_found", error.message);
  if (error.code === "INTERNAL_SERVER_ERROR") return toGatewayError(error);
  return new GatewayError("invalid_request", error.message);
}

/** Open to every key that may call the route from where it is. */
export const keyProcedure = trpc.procedure.use(({ ctx, meta, path, next }) => {
  const rest = meta?.rest;
  authorizeRoute(
    ctx.caller,
    { path: rest?.path ?? path, families: rest?.family ? [rest.family] : [] },
    ctx.address,
  );
  return next();
});

/** For the admin alone. */
export const adminProcedure = trpc.procedure.use(({ ctx, meta, path, next }) => {
  if (ctx.caller.isAdmin) return next();
  throw new GatewayError(
    "route_not_allowed",
    `Cannot call ${meta?.rest?.path ?? path}: it takes the master key, and ${ctx.caller.name} is not it`,
  );
});
