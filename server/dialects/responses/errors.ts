import { errorBodyOf, type GatewayError } from "../../errors.ts";

/** What a spent budget is called here: clients of this route stop at it, where another 429 has them try again. */
const quotaName = "insufficient_quota";

/** See `Dialect.errorBody`. */
export function errorBody(error: GatewayError): unknown {
  const body = errorBodyOf(error);
  return error.code === "budget_exceeded" ? { error: { ...body.error, type: quotaName } } : body;
}

/**
 * The error of a response that failed after it began. Clients look at `code` alone there: Codex gives up at
 * `insufficient_quota` and `context_length_exceeded`, waits at `rate_limit_exceeded`, and tries everything else again.
 *
 * Source: https://platform.openai.com/docs/api-reference/responses/object#responses/object-error
 */
export function failureOf(error: GatewayError): { code: string; message: string } {
  return { code: failureCode(error), message: error.message };
}

function failureCode(error: GatewayError): string {
  if (error.code === "budget_exceeded") return quotaName;
  if (error.details.upstream?.code) return error.details.upstream.code;
  if (error.status === 429) return "rate_limit_exceeded";
  return error.status < 500 ? "invalid_prompt" : "server_error";
}
