import type { Deployment } from "../providers/deployment.ts";
import { editMembers, replaceMember } from "./json-members.ts";

const askForUsage = { include_usage: true };

const modelName = Buffer.from("model");

/**
 * The body that goes upstream: the client's own bytes with the upstream's model name, without what the deployment drops,
 * and with a question for the stream's usage, whatever the client asked for.
 */
export function upstreamBody(
  deployment: Deployment,
  body: Buffer,
  request: Readonly<Record<string, unknown>>,
): Buffer {
  const renamed = replaceMember(body, modelName, deployment.upstreamModelJson);
  const dropped = deployment.droppedParameters.filter((name) => Object.hasOwn(request, name));
  const asks =
    request["stream"] === true && deployment.asksForStreamUsage && !asksForUsage(request);
  if (dropped.length === 0 && !asks) return renamed;
  const edits = new Map<string, Buffer | null>(dropped.map((name) => [name, null]));
  if (asks) edits.set("stream_options", toBytes({ ...optionsOf(request), ...askForUsage }));
  return editMembers(renamed, edits);
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
