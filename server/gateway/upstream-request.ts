import { Buffer } from "node:buffer";
import type { Deployment } from "../providers/deployment.ts";
import type { Call } from "./call.ts";
import { editMembers, replaceMember } from "../wire/json-members.ts";
import { withField } from "../wire/multipart.ts";
import { capEdits } from "./output-limit.ts";

const askForUsage = { include_usage: true };

const modelName = Buffer.from("model");

/**
 * The body that goes upstream: the client's own bytes with the upstream's model name, without what the deployment drops,
 * with a question for the stream's usage, whatever the client asked for, and with what its budget lets it generate.
 */
export function upstreamBody(deployment: Deployment, call: Call): Buffer {
  const { sent, permit, endpoint } = call;
  const { body, form } = sent;
  if (form) return withField(body, form, { name: "model", value: deployment.upstreamModel });
  const renamed = replaceMember(body, modelName, deployment.upstreamModelJson);
  // What is dropped are parameters of chats: `n` is also how many images are wanted.
  const dropped = endpoint.meter
    ? []
    : deployment.droppedParameters.filter((name) => Object.hasOwn(sent.request, name));
  const asks = call.isStream && !call.showsUsage && deployment.asksForStreamUsage;
  const cap = permit.outputCap;
  const capped =
    cap === undefined ? [] : capEdits(deployment, { endpoint, request: sent.request, cap });
  if (dropped.length === 0 && !asks && capped.length === 0) return renamed;
  const edits = new Map<string, Buffer | null>(dropped.map((name) => [name, null]));
  if (asks) edits.set("stream_options", toBytes({ ...optionsOf(sent.request), ...askForUsage }));
  for (const [name, value] of capped) edits.set(name, toBytes(value));
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
