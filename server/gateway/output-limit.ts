import type { Deployment } from "../providers/deployment.ts";

type Body = Readonly<Record<string, unknown>>;

/** Parameters that cap an answer, of one route or another. */
const names = ["max_completion_tokens", "max_tokens"] as const;

type LimitName = (typeof names)[number];

/** Those that an upstream goes by; to whom the newer name is known the older one is too. */
function heeded({ outputLimit }: Deployment, route: string): readonly LimitName[] {
  return route === "chat/completions" && outputLimit === "max_completion_tokens"
    ? names
    : ["max_tokens"];
}

function given(request: Body, among: readonly LimitName[]): LimitName[] {
  return among.filter((name) => typeof request[name] === "number");
}

function largest(request: Body, among: readonly LimitName[]): number | undefined {
  const caps = given(request, among).map((name) => Number(request[name]));
  return caps.length === 0 ? undefined : Math.max(...caps);
}

/** What the client allows an answer, as far as the upstream goes by it. */
export function heededCap(
  deployment: Deployment,
  route: string,
  request: Body,
): number | undefined {
  return largest(request, heeded(deployment, route));
}

/** What the client allows an answer, by whatever name. */
export function askedCap(request: Body): number | undefined {
  return largest(request, names);
}

/** What is to be changed in a request so that its upstream generates no more than `cap` for an answer. */
export function capEdits(
  deployment: Deployment,
  { route, request, cap }: { route: string; request: Body; cap: number },
): [LimitName, number][] {
  const isHeeded = heededCap(deployment, route, request) !== undefined;
  const own = route === "chat/completions" ? deployment.outputLimit : "max_tokens";
  const lowered = given(request, names).filter((name) => Number(request[name]) > cap);
  return [...new Set([...lowered, ...(isHeeded ? [] : [own])])].map((name) => [name, cap]);
}
