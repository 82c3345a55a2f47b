import { GatewayError } from "../errors.ts";
import { collect } from "../providers/body.ts";
import type { Answer, CallFailure } from "../providers/call.ts";

/** Why an attempt failed, and whether another deployment might do better. */
export interface AttemptFailure {
  readonly error: GatewayError;
  readonly isCurable: boolean;
  /** For the operator's log. */
  readonly reason: string;
}

/** What an upstream's words about a refused request may take. */
const maxErrorBytes = 64 * 1024;

const maxCodeLength = 255;

/** Statuses with which an upstream says that the request itself is wrong: no other deployment will think better of it. */
const requestStatuses = new Set([400, 409, 413, 415, 422]);

/** An upstream that did not answer, or stopped. */
export function failureOfCall({ kind, reason }: CallFailure, model: string): AttemptFailure {
  if (kind === "aborted")
    return {
      error: new GatewayError("client_closed", "The client closed the connection"),
      isCurable: false,
      reason,
    };
  if (kind === "timeout")
    return {
      error: new GatewayError(
        "upstream_timeout",
        `The upstream of model ${JSON.stringify(model)} did not answer in time`,
      ),
      isCurable: false,
      reason,
    };
  const what = kind === "unreachable" ? "cannot be reached" : "broke off before it answered";
  return {
    error: new GatewayError(
      "upstream_failed",
      `The upstream of model ${JSON.stringify(model)} ${what}`,
    ),
    isCurable: true,
    reason,
  };
}

/** An upstream that answered with a status other than 2xx. Its text is passed on only where it is about the request. */
export async function failureOfAnswer(answer: Answer, model: string): Promise<AttemptFailure> {
  const { status, headers } = answer;
  const body = await collect(answer, maxErrorBytes);
  const reason = `status ${status}`;
  const named = JSON.stringify(model);
  if (requestStatuses.has(status))
    return {
      error: refusal(status, Buffer.isBuffer(body) ? body : Buffer.alloc(0), named),
      isCurable: false,
      reason,
    };
  if (status === 429)
    return {
      error: new GatewayError(
        "upstream_rate_limited",
        `The upstream of model ${named} takes no more requests for now`,
        { headers: retryHeaders(headers) },
      ),
      isCurable: true,
      reason,
    };
  const words =
    status === 401 || status === 403
      ? "refused the gateway's credentials"
      : `answered with status ${status}`;
  return {
    error: new GatewayError("upstream_failed", `The upstream of model ${named} ${words}`),
    isCurable: true,
    reason,
  };
}

function retryHeaders(headers: Answer["headers"]): Record<string, string> {
  const names = ["retry-after", "retry-after-ms"] as const;
  return Object.fromEntries(
    names.flatMap((name) => (typeof headers[name] === "string" ? [[name, headers[name]]] : [])),
  );
}

/** The upstream's own error about a request, in our shape. */
function refusal(status: number, body: Buffer, named: string): GatewayError {
  const told = errorOf(body);
  const message =
    textOf(told["message"]) ??
    `The upstream of model ${named} refused the request with status ${status}`;
  const param = textOf(told["param"]);
  return new GatewayError("upstream_refused", message, {
    ...(param !== undefined && { param }),
    upstream: {
      status,
      type: textOf(told["type"]) ?? "invalid_request_error",
      code: nameOf(told["code"]) ?? null,
    },
  });
}

function errorOf(body: Buffer): Record<string, unknown> {
  try {
    const parsed: unknown = JSON.parse(body.toString());
    const error = isRecord(parsed) ? (parsed["error"] ?? parsed) : undefined;
    if (typeof error === "string") return { message: error };
    return isRecord(error) ? error : {};
  } catch {
    return {};
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}

/** A code as the ledger's column can hold it: of sane length, without control characters and halves of surrogate pairs. */
function nameOf(value: unknown): string | undefined {
  return textOf(value)
    ?.slice(0, maxCodeLength)
    .replaceAll(/[\p{Cc}\p{Cs}]/gu, "");
}

function textOf(value: unknown): string | undefined {
  return typeof value === "string" && value !== ""
    ? value
    : typeof value === "number"
      ? String(value)
      : undefined;
}
