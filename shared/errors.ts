import { z } from "zod";

/** The one shape of an error, in REST and on the data plane. `param` and `code` are null when there is none. */
export const errorBody = z.object({
  error: z.object({
    message: z.string(),
    type: z.string(),
    param: z.string().nullable(),
    code: z.string().nullable(),
  }),
});
export type ErrorBody = z.infer<typeof errorBody>;

interface ErrorKind {
  readonly status: number;
  readonly type: string;
  readonly code: string | null;
}

/** Every error that Keyplane itself raises: HTTP status, `type` and `code`. */
export const errorKinds = {
  invalid_api_key: { status: 401, type: "auth_error", code: "invalid_api_key" },
  expired_key: { status: 401, type: "expired_key", code: "expired_key" },
  key_blocked: { status: 401, type: "auth_error", code: "key_blocked" },
  custom_auth_refused: { status: 401, type: "auth_error", code: "custom_auth_refused" },
  route_not_allowed: { status: 403, type: "permission_error", code: "route_not_allowed" },
  ip_not_allowed: { status: 403, type: "permission_error", code: "ip_not_allowed" },
  host_not_allowed: { status: 403, type: "permission_error", code: "host_not_allowed" },
  model_access_denied: {
    status: 403,
    type: "key_model_access_denied",
    code: "model_access_denied",
  },
  model_not_found: { status: 404, type: "invalid_request_error", code: "model_not_found" },
  invalid_request: { status: 400, type: "invalid_request_error", code: null },
  key_alias_taken: { status: 400, type: "invalid_request_error", code: "key_alias_taken" },
  key_taken: { status: 400, type: "invalid_request_error", code: "key_taken" },
  request_too_large: { status: 413, type: "invalid_request_error", code: "request_too_large" },
  route_not_found: { status: 404, type: "invalid_request_error", code: null },
  method_not_allowed: { status: 405, type: "invalid_request_error", code: null },
  upgrade_not_supported: { status: 426, type: "invalid_request_error", code: null },
  key_not_found: { status: 404, type: "not_found_error", code: "key_not_found" },
  upstream_failed: { status: 502, type: "upstream_error", code: null },
  upstream_timeout: { status: 504, type: "upstream_error", code: "upstream_timeout" },
  upstream_rate_limited: { status: 429, type: "upstream_error", code: "upstream_rate_limited" },
  upstream_refused: { status: 400, type: "invalid_request_error", code: null },
  model_unavailable: { status: 503, type: "upstream_error", code: "model_unavailable" },
  model_not_priced: { status: 400, type: "invalid_request_error", code: "model_not_priced" },
  rate_limit_exceeded: { status: 429, type: "rate_limit_error", code: "rate_limit_exceeded" },
  budget_exceeded: { status: 429, type: "budget_exceeded", code: "budget_exceeded" },
  budget_reserved: { status: 429, type: "rate_limit_error", code: "budget_reserved" },
  budget_unavailable: { status: 503, type: "service_unavailable", code: "budget_unavailable" },
  limits_unavailable: { status: 503, type: "service_unavailable", code: "limits_unavailable" },
  database_unavailable: { status: 503, type: "service_unavailable", code: "database_unavailable" },
  ledger_full: { status: 503, type: "service_unavailable", code: "ledger_full" },
  client_closed: { status: 499, type: "invalid_request_error", code: "client_closed" },
  draining: { status: 503, type: "service_unavailable", code: "draining" },
  custom_auth_invalid: { status: 500, type: "server_error", code: "custom_auth_invalid" },
  internal: { status: 500, type: "server_error", code: null },
} as const satisfies Record<string, ErrorKind>;

export type ErrorCode = keyof typeof errorKinds;
