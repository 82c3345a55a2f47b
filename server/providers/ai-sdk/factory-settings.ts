import type { LibrarySettings } from "../library.ts";

/** What packages call the settings that a deployment has by other names. */
const names: ReadonlyMap<string, string> = new Map([
  ["aws_region_name", "region"],
  ["aws_access_key_id", "accessKeyId"],
  ["aws_secret_access_key", "secretAccessKey"],
  ["aws_session_token", "sessionToken"],
  ["aws_bedrock_runtime_endpoint", "baseURL"],
  ["vertex_project", "project"],
  ["vertex_location", "location"],
  ["api_version", "apiVersion"],
]);

/**
 * The settings as factories of the SDK's providers take them. What is not set is left out: a package then reads its own
 * environment variable.
 *
 * @throws Error for a way to sign in to AWS that the packages do not have
 */
export function factorySettings(settings: LibrarySettings): Record<string, unknown> {
  const { apiKey, apiBase, headers, options } = settings;
  const named = Object.entries(options).map(([option, value]) => [nameOf(option), value] as const);
  return {
    ...Object.fromEntries(named),
    ...signature(settings),
    ...(apiKey !== undefined && { apiKey }),
    ...(apiBase !== undefined && { baseURL: apiBase }),
    headers,
  };
}

/** Keys of one's own go before `AWS_BEARER_TOKEN_BEDROCK`, which Bedrock's package would else prefer. */
function signature({ options }: LibrarySettings): { apiKey?: string } {
  return options["aws_access_key_id"] === undefined ? {} : { apiKey: "" };
}

function nameOf(option: string): string {
  const name = names.get(option);
  if (name === undefined && option.startsWith("aws_"))
    throw new Error(
      `Cannot use ${option}: a package of the AI SDK signs in to AWS by access keys or by an API key`,
    );
  return name ?? option;
}
