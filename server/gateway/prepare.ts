import { ZodError } from "zod";
import { GatewayError, invalidRequest } from "../errors.ts";
import type { Entry } from "../ledger/ledger.ts";
import type { Deployment } from "../providers/deployment.ts";
import { uuidv7 } from "../secrets.ts";
import type { Call } from "./call.ts";
import { clientClosed } from "./client-watch.ts";
import { estimatedCost } from "./estimate.ts";
import type { Gateway } from "./gateway.ts";
import { type Outgoing, outgoingTo } from "./outgoing.ts";

export type Prepared =
  | { readonly kind: "ready"; readonly outgoing: Outgoing; readonly entry: Entry }
  | { readonly kind: "unprepared"; readonly error: GatewayError };

/**
 * All that can fail before an attempt leaves; the last of it is that it is written down. `unprepared` is for this deployment: it
 * has no words for the request, or its package or credentials are not to be had. What is thrown is for all of them.
 *
 * @throws GatewayError `client_closed`, `ledger_full`
 */
export async function prepare(
  gateway: Gateway,
  call: Call,
  leaving: { deployment: Deployment; body: Buffer },
): Promise<Prepared> {
  let outgoing: Outgoing;
  try {
    const leaves = outgoingTo(gateway, call, leaving);
    outgoing = leaves instanceof Promise ? await leaves : leaves;
  } catch (thrown) {
    if (call.client.isGone) throw clientClosed();
    return { kind: "unprepared", error: reasonOf(thrown) };
  }
  // A package to load, a token or a picture to fetch may have taken their time.
  if (call.client.isGone) throw clientClosed();
  const entry = await enter(gateway, call, leaving.deployment);
  if (!entry) throw ledgerFull();
  return { kind: "ready", outgoing, entry };
}

/** Why there are no words for a request. Anything else that was thrown is a bug: no other deployment cures it. */
function reasonOf(thrown: unknown): GatewayError {
  if (thrown instanceof GatewayError) return thrown;
  if (thrown instanceof ZodError) return invalidRequest(thrown);
  throw thrown;
}

/** In the journal before it leaves; what calls nobody need not be. */
function enter(
  { ledger }: Gateway,
  call: Call,
  deployment: Deployment,
): Promise<Entry | undefined> | Entry {
  const startedAtMs = Date.now();
  const { estimate, windows } = call.permit;
  const opening = {
    id: uuidv7(startedAtMs),
    requestId: call.requestId,
    owner: call.caller,
    target: deployment,
    model: call.asked,
    streamed: call.isStream,
    startedAtMs,
    windows,
    estimate: {
      cost: estimatedCost(deployment, estimate),
      inputTokens: estimate.input,
      outputTokens: estimate.output,
    },
  };
  return deployment.mockResponse === undefined ? ledger.open(opening) : ledger.enter(opening);
}

/** A call that has nowhere to be written down is not made: money that cannot be accounted for is not spent. */
function ledgerFull(): GatewayError {
  return new GatewayError(
    "ledger_full",
    "Cannot take calls: there is no room left to account for them",
    { headers: { "retry-after": "5" } },
  );
}
