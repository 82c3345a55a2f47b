import { isTRPCClientError, type TRPCClientError } from "@trpc/client";
import type { ControlRouter } from "../server/control/router.ts";

/** The fields of a `KeyplaneError` beside its message. */
export interface KeyplaneErrorDetails {
  /** Default: null. */
  readonly status?: number | null;
  readonly type: string;
  /** Default: null. */
  readonly code?: string | null;
  /** Default: null. */
  readonly param?: string | null;
  /** Default: none. */
  readonly cause?: unknown;
}

/** The one error of a call that failed: refused by the gateway, or never answered by it. */
export class KeyplaneError extends Error {
  override readonly name = "KeyplaneError";
  /** The answer's HTTP status; null when there was no answer. */
  readonly status: number | null;
  /**
   * The gateway's word for the kind of error, as in `auth_error`. Three are the client's own: `connection_error` (the
   * gateway was not reached, or went away), `timeout_error`, and `invalid_response` (something that is no Keyplane answered).
   */
  readonly type: string;
  /** What exactly went wrong, as in `key_not_found`, for programs to tell errors apart; null when there is no code. */
  readonly code: string | null;
  /** The field at fault, as in `duration` or `aliases.gpt-4`; null when it is none. */
  readonly param: string | null;

  constructor(
    message: string,
    { status = null, type, code = null, param = null, cause }: KeyplaneErrorDetails,
  ) {
    super(message, cause === undefined ? {} : { cause });
    this.status = status;
    this.type = type;
    this.code = code;
    this.param = param;
  }
}

/** An answer that has a status and no meaning. */
export function invalidResponse(endpoint: string, status: number): KeyplaneError {
  return new KeyplaneError(
    `Cannot read the answer of ${endpoint}: its status is ${status} and it is not Keyplane's`,
    {
      status,
      type: "invalid_response",
    },
  );
}

/** The end of the caller's patience. */
export function timedOut(endpoint: string, timeoutMs: number, cause: unknown): KeyplaneError {
  return new KeyplaneError(`Cannot wait longer than ${timeoutMs} ms for ${endpoint}`, {
    type: "timeout_error",
    cause,
  });
}

/** What tRPC threw, as the error that callers see. */
export function toKeyplaneError(thrown: unknown, endpoint: string): KeyplaneError {
  if (!isTRPCClientError<ControlRouter>(thrown)) return unreachable(endpoint, thrown);
  if (thrown.cause instanceof KeyplaneError) return thrown.cause;
  const { response, responseJSON } = (thrown.meta ?? {}) as {
    response?: Response;
    responseJSON?: unknown;
  };
  if (!response) return unreachable(endpoint, thrown.cause ?? thrown);
  const error = thrown.data?.error ?? plainError(responseJSON);
  return error
    ? new KeyplaneError(error.message, { ...error, status: response.status })
    : invalidResponse(endpoint, response.status);
}

function unreachable(endpoint: string, cause: unknown): KeyplaneError {
  return new KeyplaneError(`Cannot reach ${endpoint}`, { type: "connection_error", cause });
}

type WireError = NonNullable<TRPCClientError<ControlRouter>["data"]>["error"];

/** The gateway refuses some requests before tRPC sees them, such as one that is too large: in its plain shape. */
function plainError(body: unknown): WireError | undefined {
  const { error } = (body ?? {}) as { error?: Partial<WireError> };
  if (typeof error?.message !== "string" || typeof error.type !== "string") return undefined;
  return {
    message: error.message,
    type: error.type,
    code: error.code ?? null,
    param: error.param ?? null,
  };
}
