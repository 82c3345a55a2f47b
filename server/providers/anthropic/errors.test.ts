import { expect, test } from "vitest";
import { errorEvent, readError } from "./errors.ts";

const refused = {
  type: "error",
  error: { type: "invalid_request_error", message: "max_tokens: Field required", details: null },
  request_id: "req_011CSHoEeqs5C35K2UUqR7Fy",
};

test("a refused request keeps its status and its words", () => {
  expect(readError(400, refused)).toEqual({
    status: 400,
    message: "max_tokens: Field required",
    type: "invalid_request_error",
    code: null,
  });
});

test.each([
  [529, "overloaded_error", "Overloaded", 503],
  [
    400,
    "invalid_request_error",
    "Your credit balance is too low to access the Anthropic API.",
    402,
  ],
  [400, "billing_error", "Payment is overdue", 402],
  [401, "authentication_error", "invalid x-api-key", 401],
  [413, "request_too_large", "Request exceeds the maximum size", 413],
  [429, "rate_limit_error", "This request would exceed the rate limit", 429],
])("status %i with %s, %j means %i", (status, type, message, meaning) => {
  expect(readError(status, { type: "error", error: { type, message } })).toMatchObject({
    status: meaning,
    message,
    type,
  });
});

test("the code of an error is kept", () => {
  const error = {
    type: "invalid_request_error",
    message: "too large",
    details: { error_code: "image_dimensions_too_large" },
  };

  expect(readError(400, { error }).code).toBe("image_dimensions_too_large");
});

test.each([undefined, null, "<html>", { error: "no" }, { error: { message: 5 } }])(
  "%j says nothing but its status",
  (body) => {
    expect(readError(502, body)).toEqual({
      status: 502,
      message: undefined,
      type: undefined,
      code: null,
    });
  },
);

test("an error without words is an error all the same", () => {
  expect(errorEvent({ type: "error" })).toEqual({
    type: "error",
    message: "The upstream broke off without saying why",
    code: null,
  });
});
