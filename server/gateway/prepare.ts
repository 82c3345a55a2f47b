import { ZodError } from "zod";
import { GatewayError, invalidRequest } from "../errors.ts";
import type { Deployment } from "../providers/deployment.ts";
import type { Call } from "./call.ts";
import type { Gateway } from "./gateway.ts";
import { type Outgoing, outgoingTo } from "./outgoing.ts";

/** What leaves for a deployment, or why nothing can: it has no words for the request, or its package or credentials are not to be had. */
export type Prepared = Outgoing | GatewayError;

/** At once where nothing has to be loaded or fetched. */
export function prepare(
  gateway: Gateway,
  call: Call,
  deployment: Deployment,
): Prepared | Promise<Prepared> {
  try {
    const outgoing = outgoingTo(gateway, call, deployment);
    return outgoing instanceof Promise ? outgoing.catch(reasonOf) : outgoing;
  } catch (thrown) {
    return reasonOf(thrown);
  }
}

/** Anything else that was thrown is a bug: no other deployment cures it. */
function reasonOf(thrown: unknown): GatewayError {
  if (thrown instanceof GatewayError) return thrown;
  if (thrown instanceof ZodError) return invalidRequest(thrown);
  throw thrown;
}
