import { isBuiltin } from "node:module";

export interface PackageModel {
  /** Packages that may be meant, the likelier first. */
  readonly packages: readonly string[];
  readonly model: string;
}

/** As npm has it, so that no path and no address is ever imported. */
const packageName = /^(@[a-z0-9~-][a-z0-9._~-]*\/)?[a-z0-9~-][a-z0-9._~-]*$/;

/**
 * Splits `<package>/<model>`: `mistral/mistral-large-latest`, `@ai-sdk/mistral/…`, `@openrouter/ai-sdk-provider/…`,
 * `ollama-ai-provider-v2/…`. A bare name is one of the SDK's own packages, or else a package of that name.
 *
 * @throws Error where it does not name both
 */
export function parsePackageModel(reference: string): PackageModel {
  const segments = reference.split("/");
  const length = reference.startsWith("@") ? 2 : 1;
  const name = segments.slice(0, length).join("/");
  const model = segments.slice(length).join("/");
  if (!packageName.test(name) || model === "")
    throw new Error(
      `Cannot use model ${JSON.stringify(`ai_sdk/${reference}`)}: write ai_sdk/<package>/<model>, such as ai_sdk/mistral/mistral-large-latest`,
    );
  return { packages: candidates(name), model };
}

function candidates(name: string): string[] {
  if (name.startsWith("@")) return [name];
  return isBuiltin(name) ? [`@ai-sdk/${name}`] : [`@ai-sdk/${name}`, name];
}
