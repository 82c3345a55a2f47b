import type { Config } from "../../shared/config.ts";
import type { Deployment } from "./deployment.ts";
import { VertexTokens } from "./gemini/vertex-token.ts";
import type { ModelReference, Provider } from "./registry.ts";

type Entry = Config["model_list"][number];

/** What is sent with every request: names and values in turn. */
export function headersOf(
  { litellm_params }: Entry,
  { keyHeader, headers: fixed = {} }: Provider,
): string[] {
  const { api_key, organization, headers = {} } = litellm_params;
  const named = new Map<string, string>([
    ["content-type", "application/json"],
    ...Object.entries(fixed),
  ]);
  if (api_key !== undefined && keyHeader !== undefined) named.set(keyHeader, api_key);
  else if (api_key !== undefined) named.set("authorization", `Bearer ${api_key}`);
  if (organization !== undefined) named.set("openai-organization", organization);
  for (const [name, value] of Object.entries(headers))
    if (!framing.has(name.toLowerCase())) named.set(name.toLowerCase(), value);
  return [...named].flat();
}

/** The transport's own: a wrong one would let a body be read as another request. */
const framing = new Set([
  "content-length",
  "transfer-encoding",
  "connection",
  "host",
  "expect",
  "upgrade",
]);

/** Vertex AI takes a token of the cloud's, unless the deployment has a key of its own. */
export function authorizationOf(
  { litellm_params: { api_key, mock_response, vertex_credentials } }: Entry,
  { provider }: ModelReference,
): Deployment["authorize"] {
  if (provider !== "vertex_ai" || api_key !== undefined || mock_response !== undefined)
    return undefined;
  const tokens = new VertexTokens(vertex_credentials);
  return async () => ["authorization", `Bearer ${await tokens.get()}`];
}
