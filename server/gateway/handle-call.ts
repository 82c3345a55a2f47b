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
import { tellErrorsAs } from "./error-shape.ts";
import { readCall } from "./read-call.ts";
import { reply } from "./reply.ts";
import { requestIdOf } from "./request-id.ts";
import { resolveModel } from "./resolve.ts";
import { route } from "./route.ts";

/** A call of a model. A drain waits for its end, which may come after that of its connection. */
export function createCallHandler(gateway: Gateway, endpoint: Endpoint): EventHandler {
  const { errorBody } = endpoint.dialect ?? {};
  return defineHandler(async (event) => {
    if (errorBody) tellErrorsAs(event, errorBody);
    allowOrigin(event);
    gateway.inFlight.enter();
    try {
      await handleCall(gateway, endpoint, event);
      return handled;
    } finally {
      gateway.inFlight.leave();
    }
  });
}

/** From who it is by to what it cost. The permit belongs to the reply, which settles it once. */
async function handleCall(gateway: Gateway, endpoint: Endpoint, event: H3Event): Promise<void> {
  const startedAtMs = performance.now();
  const { request: incoming, response } = nodeOf(event);
  const client = new ClientWatch(response);
  const caller = await authenticate(gateway.authentication, event);
  authorizeRoute(caller, endpoint, incoming.socket.remoteAddress);
  const { request, body, form } = await readCall(gateway, event, endpoint);
  const asked = request.model;
  const resolution = resolveModel(gateway.catalog(), caller, asked);
  authorizeModel(caller, asked, resolution);
  assertServes(resolution.group, endpoint, asked);
  // Without spreads, here and in what follows: each would make V8 build the shape of the object anew for every call.
  const asking: Asking = {
    requestId: requestIdOf(event),
    endpoint,
    caller,
    group: resolution.group,
    asked,
    bodyBytes: body.length,
    request,
    form,
    isStream: endpoint.asksForStream(request),
    incoming,
    response,
    client,
    startedAtMs,
    history: gateway.recentOutputs.of(caller.id, resolution.group.name),
  };
  const permit = await admit(gateway, asking);
  const call: Call = Object.assign(asking, { permit });
  try {
    await reply(gateway, call, await route(gateway, call, body));
  } finally {
    permit.close();
  }
}
