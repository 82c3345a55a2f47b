import type { Buffer } from "node:buffer";
import { GatewayError } from "../errors.ts";
import { secretsIn } from "../providers/deployment-secrets.ts";
import { nameOfError } from "../providers/error-name.ts";
import { type Fields, fieldsOf, isEmpty, parseJson } from "../providers/json.ts";
import type { CallFailure } from "../providers/source.ts";
import type { ModelEvent } from "../providers/model-event.ts";
import type { Span } from "../wire/span.ts";
import { dataOf } from "../wire/sse-events.ts";
import type { Attempt, Call } from "./call.ts";
import { refusal, requestStatuses } from "./upstream-error.ts";
import { storable, wordsOf } from "./upstream-words.ts";

type Asked = Pick<Call, "asked">;

/** An error that an upstream told of in its answer, or in the place of one. */
export interface ToldError {
  readonly failure: CallFailure;
  /** The request is at fault: no other deployment will think better of it. */
  readonly isOfRequest: boolean;
  /** As the client is told of it. */
  readonly error: GatewayError;
}

/** The value that an event carries; undefined where it is no JSON. */
export function payloadOf(bytes: Buffer, event: Span): unknown {
  const { start, end } = dataOf(bytes, event);
  return parseJson(bytes.toString("utf8", start, end));
}

/** The error that a model's event tells of, as `toldError` takes it. */
export function errorOfModel({ code, kind, message }: Extract<ModelEvent, { type: "error" }>) {
  return { code, type: kind, message };
}

/** The error that an event of a stream tells of, in any of the formats, as `toldError` takes it. */
export function errorInEvent(payload: unknown): Fields {
  const event = fieldsOf(payload);
  const error = event["error"] ?? fieldsOf(event["response"])["error"];
  if (typeof error === "string") return { message: error };
  const { code, message } = event;
  return error === undefined || error === null ? { code, message } : fieldsOf(error);
}

/** `code`, `type` and `message` as in OpenAI's errors. */
export function toldError(error: Fields, { asked }: Asked, attempt: Attempt): ToldError {
  const secrets = secretsOf(attempt);
  const name = storable(wordsOf(nameOfError(error), secrets)) || undefined;
  const reason = name === undefined ? "error in the answer" : `error in the answer: ${name}`;
  return {
    failure: { kind: "broken", reason, code: name },
    isOfRequest: isOfRequest(error),
    error: errorFor(asked, error, secrets),
  };
}

/** What is wrong with a request, in the names of OpenAI and Azure, Anthropic, Google and AWS. */
const requestErrors: ReadonlySet<unknown> = new Set([
  "invalid_prompt",
  "context_length_exceeded",
  "content_filter",
  "content_policy_violation",
  "bio_policy",
  "invalid_image",
  "invalid_image_format",
  "invalid_base64_image",
  "invalid_image_url",
  "invalid_image_mode",
  "image_too_large",
  "image_too_small",
  "image_file_too_large",
  "image_parse_error",
  "image_content_policy_violation",
  "image_file_not_found",
  "empty_image_file",
  "unsupported_image_media_type",
  "failed_to_download_image",
  "request_too_large",
  "INVALID_ARGUMENT",
  "ValidationException",
  "validationException",
]);

const rateErrors: ReadonlySet<unknown> = new Set([
  "rate_limit_exceeded",
  "rate_limit_error",
  "RESOURCE_EXHAUSTED",
  "ThrottlingException",
  "throttlingException",
]);

/** What is the matter of an account or a deployment, though some come with the type of a wrong request. */
const accountErrors: ReadonlySet<unknown> = new Set([
  "invalid_api_key",
  "authentication_error",
  "permission_error",
  "model_not_found",
  "not_found_error",
  "insufficient_quota",
  "billing_error",
  "billing_hard_limit_reached",
  "account_deactivated",
]);

/** What some call anything that they will not do: it counts where there is no other name. */
const anyRequestError = "invalid_request_error";

/** A name that tells decides, wherever it stands; else a status in its place; else the type, or what stands for it. */
function isOfRequest({ code, type }: Fields): boolean {
  const names = [code, type];
  if (names.some((name) => requestErrors.has(name))) return true;
  if (names.some((name) => rateErrors.has(name) || accountErrors.has(name))) return false;
  const status = statusIn(code);
  if (status !== undefined) return requestStatuses.has(status);
  return (isEmpty(type) ? code : type) === anyRequestError;
}

/** A status of HTTP in the place of a name. */
function statusIn(name: unknown): number | undefined {
  if (name === "request_too_large") return 413;
  const status = typeof name === "number" || typeof name === "string" ? Number(name) : undefined;
  return status !== undefined && status >= 400 && status <= 599 ? status : undefined;
}

function errorFor(model: string, error: Fields, secrets: readonly string[]): GatewayError {
  const named = JSON.stringify(model);
  const { code, type, message } = error;
  const status = statusIn(code) ?? statusIn(type);
  if (isOfRequest(error)) {
    const isKnown = status !== undefined && requestStatuses.has(status);
    return refusal(isKnown ? status : 400, error, { named, secrets });
  }
  const words = wordsOf(message, secrets);
  const told = words === undefined ? "" : `: ${words}`;
  const isRate = status === 429 || rateErrors.has(code) || rateErrors.has(type);
  return new GatewayError(
    isRate ? "upstream_rate_limited" : "upstream_failed",
    `The upstream of model ${named} broke off its answer${told}`,
  );
}

/** What an attempt's upstream may quote, and a client must not be told. */
export function secretsOf({ deployment, sentHeaders }: Attempt): readonly string[] {
  return [...deployment.secrets, ...secretsIn(sentHeaders)];
}
