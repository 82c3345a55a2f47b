import { defineHandler, type EventHandler } from "h3";
import { type CountTokensReply, countTokensRequest } from "../../shared/anthropic/messages.ts";
import { countTokens } from "../dialects/messages/count-tokens.ts";
import { invalidRequest } from "../errors.ts";
import { collect } from "../providers/body.ts";
import type { Deployment } from "../providers/deployment.ts";
import { fieldsOf, parseJson } from "../providers/json.ts";
import { replaceMember } from "../wire/json-members.ts";
import { authenticate } from "./authenticate.ts";
import { authorizeModel, authorizeRoute } from "./authorize.ts";
import { balance } from "./balance.ts";
import { ClientWatch } from "./client-watch.ts";
import { allowOrigin } from "./cors.ts";
import { anthropicHeaders } from "./endpoints.ts";
import { withForwarded } from "./upstream-headers.ts";
import { bytesPerToken } from "./estimate.ts";
import type { Gateway } from "./gateway.ts";
import { nodeOf } from "./node-event.ts";
import { parseObject, readBody } from "./request-body.ts";
import { resolveModel } from "./resolve.ts";
import { failureOfAnswer, failureOfCall } from "./upstream-error.ts";

const name = "messages/count_tokens";
const route = { path: `/${name}`, families: ["llm_api_routes"] } as const;

/** Counting takes a second or so a megabyte, and takes nothing of anyone's limits: what is longer is judged by its size. */
const maxCountedBytes = 512 * 1024;

/** An answer is a number. */
const maxAnswerBytes = 64 * 1024;

/**
 * POST /v1/messages/count_tokens. It costs nothing anywhere, and agents ask it by the dozen: it takes nothing of limits and
 * budgets, and is no row in the ledger. An upstream that has the route is asked; for others the gateway counts.
 */
export function createCountTokensHandler(gateway: Gateway): EventHandler {
  return defineHandler(async (event) => {
    allowOrigin(event);
    const { request: incoming, response } = nodeOf(event);
    const caller = await authenticate(gateway.authentication, event);
    authorizeRoute(caller, route, incoming.socket.remoteAddress);
    const body = await readBody(event, gateway.maxBodyBytes);
    const request = parseObject(body);
    const checked = countTokensRequest.safeParse(request);
    if (!checked.success) throw invalidRequest(checked.error);
    const asked = checked.data.model;
    const resolution = resolveModel(gateway.catalog(), caller, asked);
    authorizeModel(caller, asked, resolution);
    const deployment = balance(resolution.group.deployments).find(({ routes }) => routes.has(name));
    if (!deployment)
      return body.length > maxCountedBytes
        ? { input_tokens: Math.ceil(body.length / bytesPerToken) }
        : countTokens(request);
    const client = new ClientWatch(response);
    const headers = withForwarded(deployment.headers, incoming.headers, anthropicHeaders);
    return askUpstream(gateway, { deployment, asked, body, headers, client });
  });
}

interface Asking {
  readonly deployment: Deployment;
  readonly asked: string;
  readonly body: Buffer;
  readonly headers: readonly string[];
  readonly client: ClientWatch;
}

async function askUpstream(
  { transport }: Gateway,
  { deployment, asked, body, headers, client }: Asking,
): Promise<CountTokensReply> {
  const answer = await transport.send(
    deployment.origin,
    {
      path: deployment.pathOf(name),
      headers,
      body: replaceMember(body, Buffer.from("model"), deployment.upstreamModelJson),
      timeoutMs: deployment.timeoutMs,
    },
    (abort) => client.whenGone(abort),
  );
  if (!("status" in answer)) throw failureOfCall(answer, asked).error;
  if (answer.status !== 200) {
    const { secrets, adapter } = deployment;
    throw (await failureOfAnswer(answer, asked, { secrets, sentHeaders: headers, adapter })).error;
  }
  const counted = await collect(answer, maxAnswerBytes);
  if (!Buffer.isBuffer(counted)) throw failureOfCall(counted, asked).error;
  const { input_tokens } = fieldsOf(parseJson(counted.toString()));
  if (typeof input_tokens === "number") return { input_tokens };
  throw failureOfCall({ kind: "foreign", reason: "no count" }, asked).error;
}
