import type { Config } from "../../shared/config.ts";
import type { Deployment } from "./deployment.ts";
import { vertexAddress } from "./gemini/vertex-address.ts";
import { type ModelReference, type Provider, providers } from "./registry.ts";

type Entry = Config["model_list"][number];

const azureApiVersion = "2024-10-21";

/** Where a deployment answers. */
export function addressOf(
  { litellm_params }: Entry,
  { provider, model }: ModelReference,
): Pick<Deployment, "origin" | "pathOf"> {
  const { apiBase, addsV1 }: Provider = providers[provider];
  // A mock, or an entry that is unavailable for want of an address, has none; it is never called.
  const base = new URL(
    litellm_params.api_base ?? vertexBase(litellm_params) ?? apiBase ?? "http://127.0.0.1/",
  );
  const path = base.pathname.replace(/\/+$/, "");
  if (provider === "azure")
    return {
      origin: base.origin,
      pathOf: azurePaths({ base, path, model, version: litellm_params.api_version }),
    };
  const root = addsV1 && !/\/v\d+$/.test(path) ? `${path}/v1` : path;
  return { origin: base.origin, pathOf: (route) => joined(root, route, base.search) };
}

function vertexBase({ model, vertex_project, vertex_location }: Entry["litellm_params"]) {
  if (!model.startsWith("vertex_ai/") || vertex_project === undefined) return undefined;
  return vertexAddress({ project: vertex_project, location: vertex_location ?? vertexLocation });
}

/** Where LiteLLM looks for models of Vertex AI whose location is not told. */
const vertexLocation = "us-central1";

/** A route may carry a query of its own. */
function joined(root: string, route: string, search: string): string {
  return `${root}/${route}${route.includes("?") ? search.replace("?", "&") : search}`;
}

interface AzureBase {
  readonly base: URL;
  readonly path: string;
  readonly model: string;
  readonly version: string | undefined;
}

/** Azure's routes are those of a deployment and bear a version, but for its newer base address, which is like OpenAI's. */
function azurePaths({ base, path, model, version }: AzureBase): Deployment["pathOf"] {
  if (isNewAzure(base)) return (route) => `${path}/${route}${base.search}`;
  const root = path.includes("/openai/deployments/")
    ? path
    : `${path.replace(/\/openai$/, "")}/openai/deployments/${encodeURIComponent(model)}`;
  const query = new URLSearchParams(base.search);
  query.set("api-version", version ?? query.get("api-version") ?? azureApiVersion);
  return (route) => `${root}/${route}?${query}`;
}

/** Azure has two kinds of addresses: those of a deployment, and those that are like OpenAI's. */
export function isNewAzure({ pathname }: URL): boolean {
  return pathname.replace(/\/+$/, "").endsWith("/openai/v1");
}
