import type { UpstreamError } from "../adapter.ts";
import type { ModelEvent } from "../model-event.ts";
import { fieldsOf, textOf } from "../json.ts";

/** An `error` in the middle of a stream, or with status 200. */
export function errorEvent(body: unknown): ModelEvent {
  const { message, type } = fieldsOf(fieldsOf(body)["error"]);
  const code = textOf(type);
  return {
    type: "error",
    message: textOf(message) || "The upstream broke off without saying why",
    code: code === "" ? null : code,
  };
}

/**
 * Reads `{"type": "error", "error": {"type", "message", "details"}}`. Two statuses do not mean what they say elsewhere: 529 is a
 * service that is overloaded, and an account without credit has been told so with 400, as though the request were wrong.
 *
 * Source: https://platform.claude.com/docs/en/api/errors
 */
export function readError(status: number, body: unknown): UpstreamError {
  const { message, type, details } = fieldsOf(fieldsOf(body)["error"]);
  const words = textOf(message);
  const kind = textOf(type);
  const code = textOf(fieldsOf(details)["error_code"]);
  return {
    status: statusOf(status, kind, words),
    message: words || undefined,
    type: kind || undefined,
    code: code === "" ? null : code,
  };
}

function statusOf(status: number, type: string, message: string): number {
  if (status === 529) return 503;
  const isUnpaid = type === "billing_error" || message.startsWith("Your credit balance is too low");
  return status === 400 && isUnpaid ? 402 : status;
}
