import type { ErrorBody } from "../../../shared/errors.ts";
import { errorBodyOf, type GatewayError } from "../../errors.ts";

/** What a spent budget is called here: clients of this route stop at it, where another 429 has them try again. */
const quotaName = "insufficient_quota";

/** See `Dialect.errorBody`. */
export function errorBody(error: GatewayError): ErrorBody {
  const body = errorBodyOf(error);
  return error.code === "budget_exceeded" ? { error: { ...body.error, type: quotaName } } : body;
}

/**
 * What a client is sent in the place of the rest of a stream that passes through and broke off. The members of `error` are
 * documented beside `type`; OpenAI's library and the AI SDK look for them in `error`. Nobody checks the number, which would be
 * one more than the upstream's last.
 *
 * Source: https://platform.openai.com/docs/api-reference/responses-streaming/error
 */
export function errorEvent(error: GatewayError): string {
  const { message, type, param, code } = errorBody(error).error;
  const told = { code: code ?? failureCode(error), message, param };
  const data = { type: "error", sequence_number: 0, ...told, error: { type, ...told } };
  return `event: error\ndata: ${JSON.stringify(data)}\n\n`;
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
