import type { Config } from "../../shared/config.ts";
import { addressOf } from "./deployment-address.ts";
import { type ModelReference, type Provider, providers } from "./registry.ts";

type Entry = Config["model_list"][number];

/** Whether files and batches can be kept at its account. Azure's older addresses are those of a model, which has none. */
export function keepsFiles(entry: Entry, reference: ModelReference): boolean {
  const { adapter, library }: Provider = providers[reference.provider];
  if (adapter || library || entry.litellm_params.mock_response !== undefined) return false;
  return !addressOf(entry, reference).pathOf("files").includes("/openai/deployments/");
}
