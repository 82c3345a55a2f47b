import type { Library, LibrarySettings } from "../library.ts";
import { bedrockSettings } from "./bedrock-settings.ts";
import { factorySettings } from "./factory-settings.ts";
import { libraryModel } from "./library-model.ts";
import { loadPackage } from "./load-package.ts";
import { parsePackageModel } from "./package-name.ts";
import { asProvider } from "./provider.ts";

/** Amazon Bedrock: `bedrock/<model id>`, also in LiteLLM's forms `bedrock/converse/…` and `bedrock/<region>/…`. */
export const bedrock: Library = {
  open: (settings) => openModel(["@ai-sdk/amazon-bedrock"], bedrockSettings(settings)),
};

/** Cohere: `cohere/<model>`. */
export const cohere: Library = {
  open: (settings) => openModel(["@ai-sdk/cohere"], settings),
};

/** Any other package of the AI SDK: `ai_sdk/<package>/<model>`. */
export const aiSdk: Library = {
  async open(settings) {
    const { packages, model } = parsePackageModel(settings.model);
    return openModel(packages, { ...settings, model });
  },
};

async function openModel(packages: readonly string[], settings: LibrarySettings) {
  const { name, create } = await loadPackage(packages);
  const provider = create({ ...compatibleSettings(name, settings), ...factorySettings(settings) });
  return libraryModel(asProvider(provider, name), settings.model);
}

/** The package for everybody's servers assumes as little as it can. */
function compatibleSettings(name: string, { model, apiBase }: LibrarySettings) {
  if (name !== "@ai-sdk/openai-compatible") return {};
  if (apiBase === undefined)
    throw new Error(`Cannot open model ${JSON.stringify(model)} of ${name}: it has no api_base`);
  return { name: "openai-compatible", includeUsage: true, supportsStructuredOutputs: true };
}
