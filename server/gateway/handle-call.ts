import { defineHandler, type EventHandler, type H3Event } from "h3";
import { GatewayError, invalidRequest } from "../errors.ts";
import { authenticate } from "./authenticate.ts";
import { authorizeModel, authorizeRoute } from "./authorize.ts";
import type { Call } from "./call.ts";
import { admit, type Asking } from "./admit.ts";
import { ClientWatch } from "./client-watch.ts";
import { allowOrigin } from "./cors.ts";
import type { Endpoint } from "./endpoints.ts";
import type { Gateway } from "./gateway.ts";
import { editMembers } from "../wire/json-members.ts";
import { handled, nodeOf } from "./node-event.ts";
import { assertServes } from "./passage.ts";
import { tellErrorsAs } from "./error-shape.ts";
import { reply } from "./reply.ts";
import { parseObject, readBody } from "./request-body.ts";
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
  const { request, body } = await readCall(gateway, event, endpoint);
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
    isStream: request["stream"] === true,
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

/** The request, checked as far as the gateway reads it, and its bytes. A model in the path goes before one in the body. */
async function readCall(gateway: Gateway, event: H3Event, endpoint: Endpoint) {
  const sent = await readBody(event, gateway.maxBodyBytes);
  const parsed = parseObject(sent);
  const inPath = event.context.params?.["model"];
  if (inPath === undefined) return { request: check(endpoint, parsed), body: sent };
  const model = decodeURIComponent(inPath);
  return {
    request: check(endpoint, { ...parsed, model }),
    body: editMembers(sent, new Map([["model", Buffer.from(JSON.stringify(model))]])),
  };
}

function check(
  endpoint: Endpoint,
  parsed: Record<string, unknown>,
): Record<string, unknown> & { readonly model: string } {
  const checked = endpoint.schema.safeParse(parsed);
  if (checked.success) return heeded(endpoint, parsed) as ReturnType<typeof check>;
  if (parsed["model"] === undefined)
    throw new GatewayError("invalid_request", "Cannot call a model: the body names none in model", {
      param: "model",
    });
  throw invalidRequest(checked.error);
}

/** A route that does not stream takes no notice of `stream`, and nor does anyone who reads the request from here on. */
function heeded(endpoint: Endpoint, parsed: Record<string, unknown>): Record<string, unknown> {
  return endpoint.streams || parsed["stream"] !== true ? parsed : { ...parsed, stream: false };
}
