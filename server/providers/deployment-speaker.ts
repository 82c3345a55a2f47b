import type { Config } from "../../shared/config.ts";
import type { Deployment } from "./deployment.ts";
import type { LibraryModel } from "./library.ts";
import { openAiChat } from "./openai-chat/adapter.ts";
import { type ModelReference, type Provider, providers } from "./registry.ts";

type Entry = Config["model_list"][number];

/** Who puts chats into the words of the provider: an adapter of ours, or a package. */
export function speakerOf(
  { litellm_params }: Entry,
  { provider: name, model }: ModelReference,
): Pick<Deployment, "adapter" | "library"> {
  const provider: Provider = providers[name];
  const { library, adapter = openAiChat(provider) } = provider;
  if (!library || litellm_params.mock_response !== undefined)
    return { adapter, library: undefined };
  let opened: Promise<LibraryModel> | undefined;
  const open = () =>
    library.open({
      model,
      apiKey: litellm_params.api_key,
      apiBase: litellm_params.api_base,
      headers: litellm_params.headers ?? {},
      options: libraryOptionsOf(litellm_params),
    });
  // One that could not be opened, for want of credentials perhaps, is tried again by the next call.
  const reopen = () =>
    open().catch((thrown: unknown) => {
      opened = undefined;
      throw thrown;
    });
  return { adapter: undefined, library: () => (opened ??= reopen()) };
}

/** What a library is told beside the key and the address. */
export function libraryOptionsOf(parameters: Entry["litellm_params"]): Record<string, string> {
  const options: Record<string, string> = {};
  for (const name of libraryOptions) {
    const value = parameters[name];
    if (value !== undefined) options[name] = value;
  }
  return options;
}

const libraryOptions = [
  "aws_region_name",
  "aws_access_key_id",
  "aws_secret_access_key",
  "aws_session_token",
  "aws_bedrock_runtime_endpoint",
  "vertex_project",
  "vertex_location",
  "api_version",
] as const;
