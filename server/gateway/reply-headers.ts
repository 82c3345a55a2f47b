import { performance } from "node:perf_hooks";
import { type Picodollars, usdTextFromPicodollars } from "../../shared/money.ts";
import type { Attempt, Call } from "./call.ts";
import { tellStandings } from "./rate-limits.ts";

/** A proxy in between must neither keep a stream back nor compress it. */
export const streamHeaders = [
  "content-type",
  "text/event-stream; charset=utf-8",
  "cache-control",
  "no-cache, no-transform",
  "x-accel-buffering",
  "no",
];

interface Told {
  readonly attempt: Attempt;
  /** Parameters of the client's that did not reach the upstream. */
  readonly dropped: readonly string[];
  /** Where it is known before the headers go. */
  readonly cost?: Picodollars | undefined;
}

/** Sends a whole reply, in one write. */
export function sendJson(call: Call, body: Buffer, told: Told): void {
  const headers = replyHeaders(call, told);
  headers.push("content-type", "application/json", "content-length", String(body.length));
  call.response.writeHead(200, headers).end(body);
}

/** What a reply says of how it came about: names and values in turn. */
export function replyHeaders(call: Call, { attempt, dropped, cost }: Told): string[] {
  const { deployment, retries, sentAtMs, readyAtMs = sentAtMs } = attempt;
  const { requestId, group, permit, endpoint, askedCap } = call;
  const ownMs = performance.now() - call.startedAtMs - (readyAtMs - sentAtMs);
  const headers = [
    "x-request-id",
    requestId,
    "x-litellm-call-id",
    requestId,
    "x-litellm-model-id",
    deployment.id,
    "x-litellm-model-group",
    group.headerName,
    "x-litellm-attempted-retries",
    String(retries),
    "x-litellm-attempted-fallbacks",
    "0",
    "x-litellm-overhead-duration-ms",
    ownMs.toFixed(2),
  ];
  tellStandings(permit.standings, (name, value) => headers.push(name, value));
  if (permit.outputCap !== undefined && permit.outputCap !== askedCap)
    headers.push("x-keyplane-max-tokens", String(permit.outputCap));
  if (cost !== undefined) headers.push("x-litellm-response-cost", usdTextFromPicodollars(cost));
  if (endpoint.idHeader !== undefined) headers.push(endpoint.idHeader, requestId);
  if (dropped.length > 0) headers.push("x-keyplane-dropped-params", namesOf(dropped));
  return headers;
}

/** Names come from the client: only so many, and only what a header can carry. */
function namesOf(dropped: readonly string[]): string {
  return [...new Set(dropped)]
    .filter((name) => /^[\w.[\]-]{1,64}$/.test(name))
    .slice(0, 32)
    .join(", ");
}
