import { GatewayError } from "../errors.ts";
import { redact } from "../log.ts";
import type { Adapter } from "../providers/adapter.ts";
import { collect } from "../providers/body.ts";
import type { Answer } from "../providers/call.ts";
import type { CallFailure } from "../providers/source.ts";
import type { Deployment } from "../providers/deployment.ts";
import { secretsIn } from "../providers/deployment-secrets.ts";
import { nameOfError } from "../providers/error-name.ts";
import { fieldsOf, isFields, parseJson } from "../providers/json.ts";
import type { ModelEvent } from "../providers/model-event.ts";

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
  return {
    error: new GatewayError(
      "upstream_failed",
      `The upstream of model ${JSON.stringify(model)} ${wordsOfKind[kind]}`,
    ),
    isCurable: true,
    reason,
  };
}

const wordsOfKind = {
  unreachable: "cannot be reached",
  broken: "broke off before its answer was complete",
  foreign: "answered with something that is not of its format",
} as const;

/** What an event of a stream, in any of the formats, calls the error that it tells of. */
export function nameInEvent(payload: unknown): string | undefined {
  const event = fieldsOf(payload);
  const error = event["error"] ?? fieldsOf(event["response"])["error"];
  return error === undefined ? nameOfError({ code: event["code"] }) : nameOfError(fieldsOf(error));
}

/** An upstream that told of an error in the middle of its answer, and what it calls it. */
export function toldInReply(
  code: string | null | undefined,
  { secrets }: Pick<Deployment, "secrets">,
): CallFailure {
  const name = storable(wordsOf(code, secrets)) || undefined;
  const reason = name === undefined ? "error in the answer" : `error in the answer: ${name}`;
  return { kind: "broken", reason, code: name };
}

/** The same in words for the client. */
export function failureInReply(
  { message }: Extract<ModelEvent, { type: "error" }>,
  model: string,
  { secrets }: Pick<Deployment, "secrets">,
): GatewayError {
  const words = wordsOf(message, secrets);
  const told = words === undefined ? "" : `: ${words}`;
  return new GatewayError(
    "upstream_failed",
    `The upstream of model ${JSON.stringify(model)} broke off its answer${told}`,
  );
}

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
  return { error, isCurable: false, reason: `status ${status}` };
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
function refusal(status: number, told: Told, { named, secrets }: Refusing): GatewayError {
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

function wordsOf(value: unknown, secrets: readonly string[]): string | undefined {
  const text = textOf(value);
  if (text === undefined) return undefined;
  return redact(secrets.reduce((words, secret) => words.replaceAll(secret, "***"), text));
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

/** A code as the ledger's column can hold it: of sane length, without control characters and halves of surrogate pairs. */
function storable(code: string | undefined): string | undefined {
  return code?.slice(0, maxCodeLength).replaceAll(/[\p{Cc}\p{Cs}]/gu, "");
}

function textOf(value: unknown): string | undefined {
  return typeof value === "string" && value !== ""
    ? value
    : typeof value === "number"
      ? String(value)
      : undefined;
}
