import type { Deployment } from "../providers/deployment.ts";
import { editMembers } from "./json-members.ts";

const askForUsage = { include_usage: true };

/**
 * The body that goes upstream: the client's own bytes with the upstream's model name, without what the deployment drops,
 * and with a question for the stream's usage, whatever the client asked for.
 */
export function upstreamBody(
  deployment: Deployment,
  body: Buffer,
  request: Readonly<Record<string, unknown>>,
): Buffer {
  // Also where the name is right already: a body may name two models, and not every reader takes the last one.
  const edits = new Map<string, Buffer | null>([["model", toBytes(deployment.upstreamModel)]]);
  for (const name of deployment.droppedParameters)
    if (Object.hasOwn(request, name)) edits.set(name, null);
  if (request["stream"] === true && deployment.asksForStreamUsage && !asksForUsage(request))
    edits.set("stream_options", toBytes({ ...optionsOf(request), ...askForUsage }));
  return editMembers(body, edits);
}

/** Whether the client wants to see a stream's usage. */
export function asksForUsage(request: Readonly<Record<string, unknown>>): boolean {
  return optionsOf(request)["include_usage"] === true;
}

function optionsOf(request: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const options = request["stream_options"];
  return typeof options === "object" && options !== null ? { ...options } : {};
}

function toBytes(value: unknown): Buffer {
  return Buffer.from(JSON.stringify(value));
}
