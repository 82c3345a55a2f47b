import type { Config } from "../../shared/config.ts";

type Parameters = Config["model_list"][number]["litellm_params"];

const publicHeaders = new Set([
  "content-type",
  "openai-organization",
  "anthropic-version",
  "anthropic-beta",
]);

/** Shorter ones stand for no key, such as `none`, and would tear the upstream's words apart. */
const minSecretLength = 6;

/** What must not be told of the headers of a request, names and values in turn: the deployment's key, and what an operator added. */
export function secretsIn(headers: readonly string[]): string[] {
  const values = headers.filter(
    (_value, index) => index % 2 === 1 && !publicHeaders.has(headers[index - 1] ?? ""),
  );
  return values
    .map((value) => value.replace(/^(Bearer|Basic)\s+/i, ""))
    .filter((value) => value.length >= minSecretLength);
}

/** What an upstream may quote of its credentials, and a caller must not be told. */
export function secretsOf(parameters: Parameters, headers: readonly string[]): string[] {
  const { api_key, aws_access_key_id, aws_secret_access_key, aws_session_token } = parameters;
  const named = [api_key, aws_access_key_id, aws_secret_access_key, aws_session_token]
    .filter((value) => value !== undefined)
    .filter((value) => value.length >= minSecretLength);
  return [...new Set([...named, ...secretsIn(headers)])];
}
