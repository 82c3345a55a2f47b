import { expect, test } from "vitest";
import type { Attempt } from "./call.ts";
import { errorInEvent, payloadOf, toldError } from "./told-error.ts";

/** What is known of an error that comes in an event with this payload. */
function told(payload: unknown, attempt: { secrets?: string[]; sentHeaders?: string[] } = {}) {
  const bytes = Buffer.from(`event: error\ndata: ${JSON.stringify(payload) ?? ""}\n\n`);
  const { secrets = [], sentHeaders = [] } = attempt;
  const at = { deployment: { secrets }, sentHeaders } as unknown as Attempt;
  const read = payloadOf(bytes, { start: 0, end: bytes.length });
  return toldError(errorInEvent(read), { asked: "gpt" }, at);
}

test.each([
  ["a chat", { error: { message: "No", type: "server_error", code: "rate_limit_exceeded" } }],
  ["one without a code", { error: { message: "No", type: "rate_limit_exceeded", code: null } }],
  ["one with an empty code", { error: { message: "No", type: "rate_limit_exceeded", code: "" } }],
  ["one with a number", { error: { message: "No", type: "rate_limit_exceeded", code: 429 } }],
  ["Anthropic's", { type: "error", error: { type: "rate_limit_exceeded", message: "No" } }],
  ["Responses'", { type: "error", code: "rate_limit_exceeded", message: "No", param: null }],
  [
    "failed Responses",
    {
      type: "response.failed",
      response: { error: { code: "rate_limit_exceeded", message: "No" } },
    },
  ],
])("an error in the events of %s is known by its name", (_what, event) => {
  expect(told(event)).toMatchObject({
    failure: { kind: "broken", code: "rate_limit_exceeded" },
    isOfRequest: false,
  });
});

test.each([undefined, [], "error", { error: "No" }, { type: "error" }, { error: null }])(
  "an error that has no name has none: %j",
  (event) => {
    expect(told(event).failure).toEqual({
      kind: "broken",
      reason: "error in the answer",
      code: undefined,
    });
  },
);

test.each([
  { error: { type: "invalid_request_error", code: "unsupported_value" } },
  { error: { type: "server_error", code: "context_length_exceeded" } },
  { error: { code: 400, message: "Bad" } },
  { error: { code: "413" } },
  { type: "error", error: { type: "invalid_request_error" } },
  { type: "error", code: "invalid_prompt" },
  { type: "response.failed", response: { error: { code: "invalid_prompt" } } },
  { error: { code: 400, status: "INVALID_ARGUMENT" } },
  { error: { code: "invalid_request_error" } },
])("an error that is of the request's making is known for one: %j", (event) => {
  expect(told(event).isOfRequest).toBe(true);
});

test.each([
  { error: { type: "invalid_request_error", code: "invalid_api_key" } },
  { error: { type: "invalid_request_error", code: "model_not_found" } },
  { error: { type: "invalid_request_error", code: 401 } },
  { error: { code: "500" } },
  { error: { type: "unknown_error", code: "invalid_request_error" } },
  { error: { type: "invalid_request_error", code: "billing_hard_limit_reached" } },
  { error: { type: "invalid_request_error", code: "rate_limit_exceeded" } },
  { error: { code: { toString: 1, valueOf: 1 } } },
  { error: { code: [400] } },
  { error: { code: true } },
])("one that is not, is not: %j", (event) => {
  expect(told(event).isOfRequest).toBe(false);
});

test.each([
  [
    { code: "rate_limit_exceeded", message: "Slow" },
    "upstream_rate_limited",
    "broke off its answer: Slow",
  ],
  [
    { type: "rate_limit_error", message: "Slow" },
    "upstream_rate_limited",
    "broke off its answer: Slow",
  ],
  [{ code: 429 }, "upstream_rate_limited", "broke off its answer"],
  [{ code: 502, message: "Down" }, "upstream_failed", "broke off its answer: Down"],
  [{ type: "overloaded_error" }, "upstream_failed", "broke off its answer"],
])("a client is told of %j as %s", (error, code, words) => {
  expect(told({ error }).error).toMatchObject({
    code,
    message: `The upstream of model "gpt" ${words}`,
  });
});

test("a client is told what its request did wrong in the upstream's words", () => {
  const { error } = told({
    error: { code: "invalid_prompt", message: "Not this", param: "input" },
  });

  expect(error).toMatchObject({ code: "upstream_refused", message: "Not this" });
  expect(error.details).toMatchObject({
    param: "input",
    upstream: { status: 400, code: "invalid_prompt", type: "invalid_request_error" },
  });
});

test.each([
  [{ code: 413 }, 413],
  [{ code: "422" }, 422],
  [{ type: "request_too_large" }, 413],
  [{ type: "invalid_request_error" }, 400],
])("%j is told with status %d", (error, status) => {
  expect(told({ error }).error.details.upstream?.status).toBe(status);
});

test("a name that quotes a credential, of the deployment's or one that went with this call alone, is told without it", () => {
  const event = { error: { code: "bad key-of-the-deployment and token-for-an-hour" } };

  const { failure } = told(event, {
    secrets: ["key-of-the-deployment"],
    sentHeaders: ["authorization", "Bearer token-for-an-hour", "content-type", "application/json"],
  });

  expect(failure).toEqual({
    kind: "broken",
    reason: "error in the answer: bad *** and ***",
    code: "bad *** and ***",
  });
});
