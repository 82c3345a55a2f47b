import { ZodError, type z } from "zod";
import { errorKinds, type ErrorBody, type ErrorCode } from "../shared/errors.ts";

interface ErrorDetails {
  /** In the place of the code's own, where the config says so. */
  readonly status?: number;
  /** The field at fault, as in `model` or `aliases.gpt-4`. */
  readonly param?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly cause?: unknown;
  /** An upstream's own words for a request that it refused; they replace those of the code. */
  readonly upstream?: {
    readonly status: number;
    readonly type: string;
    readonly code: string | null;
  };
}

/** The one error that the gateway throws. Its message is meant for the caller: it carries no secret. */
export class GatewayError extends Error {
  override readonly name = "GatewayError";
  readonly code: ErrorCode;
  readonly details: ErrorDetails;

  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}) {
    super(message, { cause: details.cause });
    this.code = code;
    this.details = details;
  }

  get status(): number {
    return this.details.status ?? this.details.upstream?.status ?? errorKinds[this.code].status;
  }
}

/** The error as it goes over the wire. */
export function errorBodyOf(error: GatewayError): ErrorBody {
  const { type, code } = error.details.upstream ?? errorKinds[error.code];
  return { error: { message: error.message, type, param: error.details.param ?? null, code } };
}

/** Anything thrown as a GatewayError. What was not thrown for the caller's eyes becomes a plain 500. */
export function toGatewayError(thrown: unknown): GatewayError {
  if (thrown instanceof GatewayError) return thrown;
  if (thrown instanceof ZodError) return invalidRequest(thrown);
  if (isDatabaseAway(thrown))
    return new GatewayError("database_unavailable", "Cannot reach the database", {
      cause: thrown,
      headers: { "retry-after": "1" },
    });
  return new GatewayError("internal", "The gateway failed on this request: its log says why", {
    cause: thrown,
  });
}

/** A value that does not fit its schema, told by the first field at fault and every fault's words. */
export function invalidRequest(error: z.ZodError): GatewayError {
  const faults = error.issues.map((issue) => {
    const field = fieldOf(issue);
    return field ? `${field}: ${issue.message}` : issue.message;
  });
  const [first] = error.issues;
  const param = first && fieldOf(first);
  return new GatewayError("invalid_request", faults.join("; "), {
    ...(param && { param }),
    cause: error,
  });
}

function fieldOf(issue: z.core.$ZodIssue): string {
  const path =
    issue.code === "unrecognized_keys" ? [...issue.path, issue.keys[0] ?? ""] : issue.path;
  return path.join(".");
}

const networkCodes = new Set([
  "ECONNREFUSED",
  "ECONNRESET",
  "ENOTFOUND",
  "EAI_AGAIN",
  "ETIMEDOUT",
  "EPIPE",
  "EHOSTUNREACH",
  "CONNECT_TIMEOUT",
  "CONNECTION_CLOSED",
  "CONNECTION_ENDED",
  "CONNECTION_DESTROYED",
]);

/** Whether postgres.js failed for want of a server: no connection, or one that is starting up, shutting down or full. */
export function isDatabaseAway(thrown: unknown): boolean {
  if (!(thrown instanceof Error) || !("code" in thrown)) return false;
  const code = String(thrown.code);
  return (
    networkCodes.has(code) || code.startsWith("57P0") || code.startsWith("08") || code === "53300"
  );
}
