import type { UpstreamError } from "../adapter.ts";
import { fieldsOf, isFields, listOf, wordsOf } from "../json.ts";

/**
 * Reads Google's errors: `{"error": {"code", "message", "status", "details"}}`, in a list of one where a stream was asked for.
 * A key that is not valid comes with status 400 there. Undefined where the body has another shape.
 *
 * Source: https://cloud.google.com/apis/design/errors
 */
export function readError(status: number, body: unknown): UpstreamError | undefined {
  const { error } = fieldsOf(Array.isArray(body) ? body[0] : body);
  if (!isFields(error)) return undefined;
  const reason = reasonOf(error["details"]);
  return {
    status: reason === "API_KEY_INVALID" ? 401 : status,
    message: wordsOf(error["message"]),
    type: wordsOf(error["status"]),
    code: reason ?? null,
  };
}

/** Of the `google.rpc.ErrorInfo` among the details. */
function reasonOf(details: unknown): string | undefined {
  for (const detail of listOf(details)) {
    const reason = wordsOf(fieldsOf(detail)["reason"]);
    if (reason !== undefined) return reason;
  }
  return undefined;
}
