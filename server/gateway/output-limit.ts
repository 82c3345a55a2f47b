import type { Deployment } from "../providers/deployment.ts";
import type { Endpoint } from "./endpoints.ts";

type Body = Readonly<Record<string, unknown>>;

const chats = "chat/completions";

/** The parameters that an upstream goes by; to whom OpenAI's newer name is known the older one is too. */
function heeded({ outputLimit, routes }: Deployment, { name, caps }: Endpoint): readonly string[] {
  const isOlder = name === chats && routes.has(name) && outputLimit === "max_tokens";
  return isOlder ? [outputLimit] : caps;
}

function given(request: Body, among: readonly string[]): string[] {
  return among.filter((name) => typeof request[name] === "number");
}

// A loop, since every call is asked for it: lists of names and numbers would be made for each.
function largest(request: Body, among: readonly string[]): number | undefined {
  let most: number | undefined;
  for (const name of among) {
    const cap = request[name];
    if (typeof cap === "number" && (most === undefined || cap > most)) most = cap;
  }
  return most;
}

/** What the client allows an answer, as far as the upstream goes by it. */
export function heededCap(
  deployment: Deployment,
  endpoint: Endpoint,
  request: Body,
): number | undefined {
  return largest(request, heeded(deployment, endpoint));
}

/** What the client allows an answer, by whatever name. */
export function askedCap({ caps }: Endpoint, request: Body): number | undefined {
  return largest(request, caps);
}

/** What is to be changed in a request so that an upstream which has its route generates no more than `cap` for an answer. */
export function capEdits(
  deployment: Deployment,
  { endpoint, request, cap }: { endpoint: Endpoint; request: Body; cap: number },
): [string, number][] {
  const isHeeded = heededCap(deployment, endpoint, request) !== undefined;
  const own = endpoint.name === chats ? deployment.outputLimit : endpoint.caps.slice(0, 1);
  const lowered = given(request, endpoint.caps).filter((name) => Number(request[name]) > cap);
  return [...new Set(lowered.concat(isHeeded ? [] : own))].map((name) => [name, cap]);
}
