import type { IncomingMessage } from "node:http";
import { PassThrough, type Readable } from "node:stream";
import { defineHandler, type EventHandler, type H3Event } from "h3";
import { GatewayError } from "../errors.ts";
import type { Slot } from "../limits/limiter.ts";
import type { Answer } from "../providers/call.ts";
import type { Deployment } from "../providers/deployment.ts";
import { authenticate } from "./authenticate.ts";
import type { Caller } from "./caller.ts";
import { ClientWatch } from "./client-watch.ts";
import { accountOf, authorizeFiles, refuseBudget } from "./file-access.ts";
import { type FileRoute, pathOf, queryOf } from "./file-routes.ts";
import type { Gateway } from "./gateway.ts";
import { handled, nodeOf } from "./node-event.ts";
import { countersOf, notTaken, takeCounters } from "./rate-limits.ts";
import { contentHeaders, PipedReply } from "./reply-piped.ts";
import { bodyRead, parseObject, readBody } from "./request-body.ts";
import { requestIdOf } from "./request-id.ts";
import { failureOfAnswer, failureOfCall } from "./upstream-error.ts";

/**
 * Files and batches of one upstream account, which is everybody's who may ask for them. Nothing is accounted for: what a batch
 * consumes the upstream charges later, and tells nobody here.
 */
export function createFileHandler(gateway: Gateway, route: FileRoute): EventHandler {
  return defineHandler(async (event) => {
    gateway.inFlight.enter();
    try {
      await passOn(gateway, route, event);
      return handled;
    } finally {
      gateway.inFlight.leave();
    }
  });
}

async function passOn(gateway: Gateway, route: FileRoute, event: H3Event): Promise<void> {
  const { request: incoming, response } = nodeOf(event);
  const client = new ClientWatch(response);
  const caller = await authenticate(gateway.authentication, event);
  const path = pathOf(route, event.context.params?.["id"]);
  authorizeFiles(caller, { path, families: [] }, incoming.socket.remoteAddress);
  const deployment = accountOf(gateway);
  refuseBudget(caller);
  const body = await bodyOf(gateway, route, event);
  const slot = await takeLimits(gateway, caller, deployment.group);
  try {
    const answer = await gateway.transport.send(
      deployment.origin,
      {
        method: route.method,
        path: deployment.pathOf(path.slice(1) + queryOf(event.url.searchParams)),
        headers: headersFor(deployment, route, incoming),
        body,
        timeoutMs: deployment.timeoutMs,
      },
      (abort) => client.whenGone(abort),
    );
    const taken = await assertTaken(answer, deployment, incoming);
    client.whenGone(() => taken.abort());
    await pipe(event, deployment, taken);
  } finally {
    slot?.settle(0);
  }
}

async function takeLimits(
  { limiter }: Gateway,
  caller: Caller,
  group: string,
): Promise<Slot | undefined> {
  const taking = await takeCounters(limiter, countersOf(caller, group, 0));
  if (taking.kind === "taken") return taking.slot;
  throw notTaken(group, caller.name, taking);
}

/** A form goes on as it comes, unless custom auth has read it. */
async function bodyOf(
  gateway: Gateway,
  { takes }: FileRoute,
  event: H3Event,
): Promise<Buffer | Readable | null> {
  const { request } = nodeOf(event);
  if (takes === "nothing") return null;
  if (takes === "form") {
    if (!/^multipart\/form-data\s*;/i.test(request.headers["content-type"] ?? ""))
      throw new GatewayError(
        "invalid_request",
        "Cannot take the file: its content type is not multipart/form-data",
      );
    return bodyRead(event) ?? streamOf(request);
  }
  const body = await readBody(event, gateway.maxBodyBytes);
  parseObject(body);
  return body;
}

/** One removed: an upstream that stops reading must not cost the client its connection, on which it is to be told why. */
function streamOf(request: IncomingMessage): Readable {
  request.on("error", () => undefined);
  return request.pipe(new PassThrough());
}

function headersFor(
  { headers }: Deployment,
  { takes }: FileRoute,
  { headers: sent }: IncomingMessage,
): string[] {
  const named = new Map<string, string>();
  for (let at = 0; at + 1 < headers.length; at += 2)
    named.set(headers[at] ?? "", headers[at + 1] ?? "");
  if (takes === "nothing") named.delete("content-type");
  if (takes === "form") {
    named.set("content-type", sent["content-type"] ?? "");
    const length = sent["content-length"];
    if (length !== undefined) named.set("content-length", length);
  }
  return [...named].flat();
}

/** @throws GatewayError where the upstream did not take the request, as the calls of a model tell it */
async function assertTaken(
  answer: Awaited<ReturnType<Gateway["transport"]["send"]>>,
  { group, headers }: Deployment,
  incoming: IncomingMessage,
): Promise<Answer> {
  if ("status" in answer && answer.status >= 200 && answer.status < 300) return answer;
  const { error } =
    "status" in answer
      ? await failureOfAnswer(answer, group, { sentHeaders: headers, names404: true })
      : failureOfCall(answer, group);
  if (incoming.complete) throw error;
  // What is left of the body will not be read, so no second request can follow it.
  throw new GatewayError(error.code, error.message, {
    ...error.details,
    headers: { ...error.details.headers, connection: "close" },
  });
}

async function pipe(event: H3Event, { id, group }: Deployment, answer: Answer): Promise<void> {
  const { response } = nodeOf(event);
  const requestId = requestIdOf(event);
  const length = answer.headers["content-length"];
  response.writeHead(answer.status, [
    ...contentHeaders(answer),
    ...(typeof length === "string" ? ["content-length", length] : []),
    "x-request-id",
    requestId,
    "x-litellm-call-id",
    requestId,
    "x-litellm-model-id",
    id,
    "x-litellm-model-group",
    encodeURI(group),
  ]);
  const piped = new PipedReply(response);
  answer.read(piped);
  const { failure } = await piped.finished;
  if (failure) response.destroy();
  else response.end();
}
