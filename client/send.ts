import { createTRPCUntypedClient, httpLink } from "@trpc/client";
import superjson from "superjson";
import type { ControlRouter } from "../server/control/router.ts";
import { invalidResponse, timedOut, toKeyplaneError } from "./error.ts";
import type { ClientOptions } from "./options.ts";
import type { ProcedureKind } from "./procedures.ts";

/** One call of a procedure. */
export interface ProcedureCall {
  readonly kind: ProcedureKind;
  /** Its dotted name in the router. */
  readonly path: string;
  readonly input: unknown;
  readonly signal: AbortSignal | undefined;
}

/** Makes the function that every call goes through: it answers with the procedure's output or throws a `KeyplaneError`. */
export function createSend({
  url,
  key,
  headers,
  fetch = globalThis.fetch,
  timeoutMs = 30_000,
}: ClientOptions) {
  const endpoint = `${url.replace(/\/+$/, "")}/trpc`;
  const link = httpLink<ControlRouter>({
    url: endpoint,
    transformer: superjson,
    // A query's input may be a secret, and addresses end up in logs.
    methodOverride: "POST",
    headers: ({ op }) => ({ ...headers, ...(op.context as { authorization?: string }) }),
    fetch: async (address, init) =>
      refuseForeign(await fetch(address, init as RequestInit), endpoint),
  });
  const trpc = createTRPCUntypedClient<ControlRouter>({ links: [link] });
  return async ({ kind, path, input, signal }: ProcedureCall): Promise<unknown> => {
    const context = await authorization(key);
    const timeout = AbortSignal.timeout(timeoutMs);
    try {
      return await trpc[kind](path, input, {
        context,
        signal: signal ? AbortSignal.any([signal, timeout]) : timeout,
      });
    } catch (error) {
      signal?.throwIfAborted();
      throw timeout.aborted
        ? timedOut(endpoint, timeoutMs, timeout.reason)
        : toKeyplaneError(error, endpoint);
    }
  };
}

/** A key read from a file ends with its line, which no header may hold. */
async function authorization(key: ClientOptions["key"]): Promise<{ authorization?: string }> {
  const secret = typeof key === "function" ? await key() : key;
  return secret === undefined ? {} : { authorization: `Bearer ${secret.trim()}` };
}

/** Stops what is no JSON here, because tRPC would forget its status: a proxy's error page, or the page of another server. */
async function refuseForeign(response: Response, endpoint: string): Promise<Response> {
  if (response.headers.get("content-type")?.includes("json")) return response;
  await response.body?.cancel();
  throw invalidResponse(endpoint, response.status);
}
