import { GatewayError } from "../errors.ts";
import type { Adapter } from "../providers/adapter.ts";
import { collect } from "../providers/body.ts";
import type { Answer } from "../providers/call.ts";
import type { CallFailure } from "../providers/source.ts";
import { storable, wordsOf } from "./upstream-words.ts";
import { secretsIn } from "../providers/deployment-secrets.ts";
import { fieldsOf, isFields, parseJson } from "../providers/json.ts";

/** Why an attempt failed, and whether another deployment might do better. */
export interface AttemptFailure {
  readonly error: GatewayError;
  readonly isCurable: boolean;
  /** For the operator's log. */
  readonly reason: string;
  /** What the upstream calls it, where it has a name for it. */
  readonly code?: string | undefined;
}

/** What an upstream's words about a refused request may take. */
const maxErrorBytes = 64 * 1024;

/** Statuses with which an upstream says that the request itself is wrong: no other deployment will think better of it. */
export const requestStatuses: ReadonlySet<number> = new Set([400, 409, 413, 415, 422]);

/** An upstream that did not answer, or stopped. */
export function failureOfCall({ kind, reason, code }: CallFailure, model: string): AttemptFailure {
  const isCurable = kind !== "aborted" && kind !== "timeout";
  return { error: errorOfKind(kind, model), isCurable, reason, code };
}

function errorOfKind(kind: CallFailure["kind"], model: string): GatewayError {
  const named = JSON.stringify(model);
  switch (kind) {
    case "aborted":
      return new GatewayError("client_closed", "The client closed the connection");
    case "timeout":
      return new GatewayError(
        "upstream_timeout",
        `The upstream of model ${named} did not answer in time`,
      );
    case "unreachable":
    case "broken":
    case "foreign":
      return new GatewayError(
        "upstream_failed",
        `The upstream of model ${named} ${wordsOfKind[kind]}`,
      );
  }
}

const wordsOfKind = {
  unreachable: "cannot be reached",
  broken: "broke off before its answer was complete",
  foreign: "answered with something that is not of its format",
} as const;

/**
 * An upstream that answered with a status other than 2xx. Its text is passed on only where it is about the request, and
 * without secrets; any other body is not waited for.
 *
 * `sentHeaders`: names and values in turn, as they went to the upstream: it may quote the credentials among them.
 */
export async function failureOfAnswer(
  answer: Answer,
  model: string,
  { secrets = [], sentHeaders = [], adapter, names404 = false }: Refused = {},
): Promise<AttemptFailure> {
  const named = JSON.stringify(model);
  const isOfRequest = (status: number) =>
    requestStatuses.has(status) || (names404 && status === 404);
  if (!isOfRequest(answer.status)) {
    void discard(answer);
    return failureOfStatus(answer.status, named, answer.headers);
  }
  const body = await collect(answer, maxErrorBytes);
  const told = Buffer.isBuffer(body) ? errorOf(body, answer.status, adapter) : undefined;
  const status = told?.status ?? answer.status;
  if (!isOfRequest(status)) return failureOfStatus(status, named, answer.headers);
  const error = refusal(status, told ?? {}, {
    named,
    secrets: [...secrets, ...secretsIn(sentHeaders)],
  });
  const code = error.details.upstream?.code ?? undefined;
  return { error, isCurable: false, reason: `status ${status}`, code };
}

interface Refused {
  readonly secrets?: readonly string[];
  readonly sentHeaders?: readonly string[];
  readonly adapter?: Adapter | undefined;
  /** The request named a thing of the upstream's: that it is not there is an answer, and no fault of the deployment's. */
  readonly names404?: boolean;
}

function failureOfStatus(
  status: number,
  named: string,
  headers: Answer["headers"],
): AttemptFailure {
  const reason = `status ${status}`;
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

/** How long a body that nobody wants may take to end, so that its connection can serve again. */
const maxDiscardMs = 1_000;

async function discard(answer: Answer): Promise<void> {
  const timer = setTimeout(() => answer.abort(), maxDiscardMs).unref();
  await collect(answer, maxErrorBytes);
  clearTimeout(timer);
}

/** Seconds or milliseconds, or an HTTP date. Anything else may be no header at all to a client. */
const retryPattern =
  /^(\d{1,10}(\.\d{1,6})?|[A-Z][a-z]{2}, \d{2} [A-Z][a-z]{2} \d{4} [\d:]{8} GMT)$/;

function retryHeaders(headers: Answer["headers"]): Record<string, string> {
  const told: Record<string, string> = {};
  for (const name of ["retry-after", "retry-after-ms"]) {
    const value = headers[name];
    if (typeof value === "string" && retryPattern.test(value)) told[name] = value;
  }
  return told;
}

interface Refusing {
  /** The model, in quotes. */
  readonly named: string;
  readonly secrets: readonly string[];
}

/** The upstream's own error about a request, in our shape. */
export function refusal(status: number, told: Told, { named, secrets }: Refusing): GatewayError {
  const message =
    wordsOf(told.message, secrets) ??
    `The upstream of model ${named} refused the request with status ${status}`;
  const param = wordsOf(told.param, secrets);
  return new GatewayError("upstream_refused", message, {
    ...(param !== undefined && { param }),
    upstream: {
      status,
      type: wordsOf(told.type, secrets) ?? "invalid_request_error",
      code: storable(wordsOf(told.code, secrets)) ?? null,
    },
  });
}

/** What an upstream says of a refusal, unchecked; `status` where its provider means another than it sent. */
type Told = { readonly status?: number } & {
  readonly [field in "message" | "type" | "code" | "param"]?: unknown;
};

function errorOf(body: Buffer, status: number, adapter: Adapter | undefined): Told {
  const parsed = parseJson(body.toString());
  const read = adapter?.readError?.(status, parsed);
  if (read) return read;
  const error = isFields(parsed) ? (parsed["error"] ?? parsed) : undefined;
  if (typeof error === "string") return { message: error };
  const { message, type, code, param } = fieldsOf(error);
  return { message, type, code, param };
}
