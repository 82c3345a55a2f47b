import type { GatewayError } from "../../errors.ts";

/** https://platform.claude.com/docs/en/api/errors */
const types = {
  400: "invalid_request_error",
  401: "authentication_error",
  402: "billing_error",
  403: "permission_error",
  404: "not_found_error",
  409: "conflict_error",
  413: "request_too_large",
  429: "rate_limit_error",
  500: "api_error",
  503: "overloaded_error",
  504: "timeout_error",
  529: "overloaded_error",
} as const;

const typesByStatus: ReadonlyMap<number, string> = new Map(
  Object.entries(types).map(([status, type]) => [Number(status), type]),
);
const knownTypes: ReadonlySet<string> = new Set(Object.values(types));

export interface MessagesError {
  readonly type: "error";
  readonly error: { readonly type: string; readonly message: string };
}

/**
 * An error in Anthropic's words: the upstream's own where they are among them, else those for its status. A budget that is
 * used up is told by the message: its status is an operator's choice, and 429, with `x-should-retry: false`, is the one at
 * which Claude Code stops and shows it.
 */
export function errorBody(error: GatewayError): MessagesError {
  return { type: "error", error: { type: typeOf(error), message: error.message } };
}

function typeOf({ status, details }: GatewayError): string {
  const upstreams = details.upstream?.type;
  if (upstreams !== undefined && knownTypes.has(upstreams)) return upstreams;
  return typesByStatus.get(status) ?? (status < 500 ? types[400] : types[500]);
}
