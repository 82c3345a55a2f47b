import type { Deployment } from "../providers/deployment.ts";
import type { Call } from "./call.ts";
import { editMembers, replaceMember } from "./json-members.ts";

const askForUsage = { include_usage: true };

const modelName = Buffer.from("model");

/**
 * The body that goes upstream: the client's own bytes with the upstream's model name, without what the deployment drops,
 * with a question for the stream's usage, whatever the client asked for, and with what its budget lets it generate.
 */
export function upstreamBody(deployment: Deployment, body: Buffer, call: Call): Buffer {
  const { request, permit } = call;
  const renamed = replaceMember(body, modelName, deployment.upstreamModelJson);
  const dropped = deployment.droppedParameters.filter((name) => Object.hasOwn(request, name));
  const asks =
    request["stream"] === true && deployment.asksForStreamUsage && !asksForUsage(request);
  if (dropped.length === 0 && !asks && permit.outputCap === undefined) return renamed;
  const edits = new Map<string, Buffer | null>(dropped.map((name) => [name, null]));
  if (asks) edits.set("stream_options", toBytes({ ...optionsOf(request), ...askForUsage }));
  for (const name of cappedBy(deployment, call)) edits.set(name, toBytes(permit.outputCap));
  return editMembers(renamed, edits);
}

const outputLimits = ["max_completion_tokens", "max_tokens"] as const;

/** The parameters that cap the answer: those that the client used, else the one that the upstream takes. */
function cappedBy(deployment: Deployment, { request, permit, endpoint }: Call): readonly string[] {
  if (permit.outputCap === undefined) return [];
  const used = outputLimits.filter((name) => typeof request[name] === "number");
  if (used.length > 0) return used;
  return [endpoint.name === "chat/completions" ? deployment.outputLimit : "max_tokens"];
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
