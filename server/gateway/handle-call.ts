import { performance } from "node:perf_hooks";
import { defineHandler, type EventHandler, type H3Event } from "h3";
import { authenticate } from "./authenticate.ts";
import { authorizeModel, authorizeRoute } from "./authorize.ts";
import type { Call } from "./call.ts";
import { admit, type Asking } from "./admit.ts";
import { ClientWatch } from "./client-watch.ts";
import { allowOrigin } from "./cors.ts";
import type { Endpoint } from "./endpoints.ts";
import type { Gateway } from "./gateway.ts";
import { handled, nodeOf } from "./node-event.ts";
import { assertServes } from "./passage.ts";
import { askedCap } from "./output-limit.ts";
import type { Permit } from "./permit.ts";
import { readCall } from "./read-call.ts";
import { reply } from "./reply.ts";
import { readBody } from "./request-body.ts";
import { requestIdOf } from "./request-id.ts";
import { resolveModel } from "./resolve.ts";
import { route } from "./route.ts";
import { asksForUsage } from "./upstream-request.ts";

/** A call of a model. */
export function createCallHandler(gateway: Gateway, endpoint: Endpoint): EventHandler {
  return defineHandler((event) => {
    allowOrigin(event);
    return handleCall(gateway, endpoint, event);
  });
}

/**
 * From who it is by to what it cost. The permit belongs to the reply, which settles it once. A drain waits for the end of
 * this, which may come after that of the connection.
 *
 * Here and in what follows nothing is awaited that is known already, and no object spread into another: the one takes a turn
 * of its own, the other makes V8 build a shape anew for every call. `performance` and `Buffer` are imported where
 * each call or chunk needs them: Node's globals of these names are getters, which are called anew for every use.
 */
async function handleCall(
  gateway: Gateway,
  endpoint: Endpoint,
  event: H3Event,
): Promise<typeof handled> {
  const startedAtMs = performance.now();
  let permit: Permit | undefined;
  gateway.inFlight.enter();
  try {
    const { request: incoming, response } = nodeOf(event);
    const client = new ClientWatch(response);
    const authenticated = authenticate(gateway.authentication, event);
    const caller = authenticated instanceof Promise ? await authenticated : authenticated;
    authorizeRoute(caller, endpoint, incoming.socket.remoteAddress);
    const sent = readCall(event, endpoint, await readBody(event, gateway.maxBodyBytes));
    const asked = sent.request.model;
    const resolution = resolveModel(gateway.catalog(), caller, asked);
    authorizeModel(caller, asked, resolution);
    assertServes(resolution.group, endpoint, asked);
    const asking: Asking = {
      requestId: requestIdOf(event),
      endpoint,
      caller,
      group: resolution.group,
      asked,
      sent,
      isStream: endpoint.asksForStream(sent.request),
      showsUsage: !endpoint.asksForUsage || asksForUsage(sent.request),
      askedCap: askedCap(endpoint, sent.request),
      incoming,
      response,
      client,
      startedAtMs,
      history: gateway.recentOutputs.of(caller.id, resolution.group.name),
    };
    const admitted = admit(gateway, asking);
    permit = admitted instanceof Promise ? await admitted : admitted;
    const call: Call = Object.assign(asking, { permit });
    await reply(gateway, call, await route(gateway, call));
    return handled;
  } finally {
    permit?.close();
    gateway.inFlight.leave();
  }
}
