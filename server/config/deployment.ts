import type { ModelListEntry } from "../../shared/config.ts";
import { credential } from "../../shared/config.ts";
import type { ModelReference, Provider } from "../providers/registry.ts";
import { parseModelReference, providers } from "../providers/registry.ts";
import type { Environment } from "./environment.ts";
import { lookUp } from "./environment.ts";
import { laterProviders } from "./known.ts";
import type { Remark } from "./note.ts";
import { nearest } from "./suggest.ts";

export type Deployment = ModelListEntry & { unavailable: string | undefined };

export type DeploymentReading = { deployment: Deployment; fault?: Remark; warning?: Remark };

export interface DeploymentSource {
  readonly entry: ModelListEntry;
  readonly index: number;
  readonly environment: Environment;
  /** Why it cannot be called, as far as that is known already. */
  readonly unavailable: string | undefined;
}

/** Finds the provider and the key of one entry of `model_list`, or the reason why it cannot be called. */
export function readDeployment({
  entry,
  index,
  environment,
  unavailable,
}: DeploymentSource): DeploymentReading {
  if (unavailable !== undefined) return { deployment: { ...entry, unavailable } };
  const path = ["model_list", index, "litellm_params", "model"];
  const reference = parseModelReference(entry.litellm_params.model);
  if (!reference) return readForeign(entry, path);
  const fault = referenceFault(entry, reference);
  if (fault)
    return { deployment: { ...entry, unavailable: fault }, fault: { path, message: fault } };
  return { deployment: withKey(entry, reference, environment) };
}

function referenceFault(
  { litellm_params }: ModelListEntry,
  { provider, model }: ModelReference,
): string | undefined {
  if (model === "") return `"${litellm_params.model}" names a provider but no model`;
  const { apiBase, library }: Provider = providers[provider];
  const isReachable =
    apiBase !== undefined ||
    library !== undefined ||
    (provider === "vertex_ai" && litellm_params.vertex_project !== undefined) ||
    litellm_params.api_base !== undefined ||
    litellm_params.mock_response !== undefined;
  if (!isReachable && provider === "vertex_ai")
    return `"${litellm_params.model}" needs a vertex_project`;
  return isReachable
    ? undefined
    : `"${litellm_params.model}" needs an api_base: provider "${provider}" has no address of its own`;
}

function readForeign(entry: ModelListEntry, path: Remark["path"]): DeploymentReading {
  const { model } = entry.litellm_params;
  const prefix = model.slice(0, model.indexOf("/"));
  if (laterProviders.includes(prefix)) {
    const unavailable = `provider "${prefix}" is not supported yet`;
    return {
      deployment: { ...entry, unavailable },
      warning: { path, message: `Cannot call "${model}": ${unavailable}` },
    };
  }
  const unavailable = `provider "${prefix}" is unknown`;
  const meant = nearest(prefix, [...Object.keys(providers), ...laterProviders]);
  const advice = meant
    ? `did you mean "${meant}${model.slice(prefix.length)}"?`
    : `write the provider first, as in "openai/${model}"`;
  return {
    deployment: { ...entry, unavailable },
    fault: { path, message: `Cannot use "${model}": ${unavailable}; ${advice}` },
  };
}

function withKey(
  entry: ModelListEntry,
  { provider }: ModelReference,
  environment: Environment,
): Deployment {
  const { keyVariable }: Provider = providers[provider];
  const parameters = entry.litellm_params;
  if (parameters.mock_response !== undefined || parameters.api_key !== undefined || !keyVariable)
    return { ...entry, unavailable: undefined };
  const found = lookUp(environment, keyVariable);
  // A server at an address of the operator's own may want no key; Azure has no such servers.
  const isOptional = parameters.api_base !== undefined && provider !== "azure";
  if (found === undefined)
    return { ...entry, unavailable: isOptional ? undefined : `${keyVariable} is not set` };
  if (!credential.safeParse(found).success)
    return {
      ...entry,
      unavailable: `${keyVariable} holds a space, a line break or another character that no key has`,
    };
  return { ...entry, litellm_params: { ...parameters, api_key: found }, unavailable: undefined };
}
