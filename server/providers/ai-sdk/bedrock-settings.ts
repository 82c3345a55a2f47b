import type { LibrarySettings } from "../library.ts";

/** `us-east-1`, `us-gov-west-1`. Model ids have a dot before any slash, and ARNs a colon. */
const region = /^[a-z]{2}(-[a-z]+)+-\d$/;

/** All of them are Converse here. */
const apis = new Set(["converse", "converse_like", "invoke"]);

/** Settings whose model is Bedrock's id of it: the API to use and the region may stand before that, as LiteLLM has it. */
export function bedrockSettings(settings: LibrarySettings): LibrarySettings {
  const [first = "", ...rest] = settings.model.split("/");
  const model = rest.join("/");
  if (model === "") return settings;
  if (apis.has(first)) return bedrockSettings({ ...settings, model });
  if (!region.test(first)) return settings;
  return { ...settings, model, options: { aws_region_name: first, ...settings.options } };
}
