import type { Buffer } from "node:buffer";
import { GatewayError } from "../errors.ts";
import { secretsIn } from "../providers/deployment-secrets.ts";
import { nameOfError } from "../providers/error-name.ts";
import { type Fields, fieldsOf, parseJson } from "../providers/json.ts";
import type { ModelEvent } from "../providers/model-event.ts";
import type { CallFailure } from "../providers/source.ts";
import type { Span } from "../wire/span.ts";
import { dataOf } from "../wire/sse-events.ts";
import type { Attempt } from "./call.ts";
import { requestStatuses } from "./upstream-error.ts";
import { storable, wordsOf } from "./upstream-words.ts";

/** An error that an upstream told of in the middle of its answer. */
export interface ToldError {
  readonly failure: CallFailure;
  /** The request is at fault: no other deployment will think better of it. */
  readonly isOfRequest: boolean;
}

/** What an event of a stream, in any of the formats, tells of. */
export function errorInEvent(bytes: Buffer, event: Span, attempt: Attempt): ToldError {
  const { start, end } = dataOf(bytes, event);
  return errorOf(fieldsIn(parseJson(bytes.toString("utf8", start, end))), attempt);
}

function fieldsIn(payload: unknown): Fields {
  const event = fieldsOf(payload);
  const error = event["error"] ?? fieldsOf(event["response"])["error"];
  return error === undefined ? { code: event["code"] } : fieldsOf(error);
}

/** `code` and `type` as in OpenAI's errors. */
export function errorOf(error: Fields, attempt: Attempt): ToldError {
  const name = storable(wordsOf(nameOfError(error), secretsOf(attempt))) || undefined;
  const reason = name === undefined ? "error in the answer" : `error in the answer: ${name}`;
  return {
    failure: { kind: "broken", reason, code: name },
    isOfRequest: [error["code"], error["type"]].some(isOfRequest),
  };
}

/** In the words of OpenAI and Azure, Anthropic, Google and AWS; and statuses, which some give in the place of a name. */
const requestErrors: ReadonlySet<unknown> = new Set([
  "invalid_request_error",
  "invalid_prompt",
  "context_length_exceeded",
  "content_filter",
  "content_policy_violation",
  "request_too_large",
  "INVALID_ARGUMENT",
  "ValidationException",
  "validationException",
]);

function isOfRequest(name: unknown): boolean {
  return requestErrors.has(name) || requestStatuses.has(Number(name));
}

/** Such an error in words for the client. */
export function failureInReply(
  { message }: Extract<ModelEvent, { type: "error" }>,
  model: string,
  attempt: Attempt,
): GatewayError {
  const words = wordsOf(message, secretsOf(attempt));
  const told = words === undefined ? "" : `: ${words}`;
  return new GatewayError(
    "upstream_failed",
    `The upstream of model ${JSON.stringify(model)} broke off its answer${told}`,
  );
}

function secretsOf({ deployment, sentHeaders }: Attempt): readonly string[] {
  return [...deployment.secrets, ...secretsIn(sentHeaders)];
}
