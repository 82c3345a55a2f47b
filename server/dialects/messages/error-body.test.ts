import { expect, test } from "vitest";
import type { ErrorCode } from "../../../shared/errors.ts";
import { GatewayError } from "../../errors.ts";
import { errorBody } from "./error-body.ts";

test.each<[ErrorCode, string]>([
  ["invalid_api_key", "authentication_error"],
  ["model_access_denied", "permission_error"],
  ["model_not_found", "not_found_error"],
  ["invalid_request", "invalid_request_error"],
  ["method_not_allowed", "invalid_request_error"],
  ["request_too_large", "request_too_large"],
  ["rate_limit_exceeded", "rate_limit_error"],
  ["budget_exceeded", "rate_limit_error"],
  ["model_unavailable", "overloaded_error"],
  ["upstream_timeout", "timeout_error"],
  ["upstream_failed", "api_error"],
  ["internal", "api_error"],
])("%s is %s", (code, type) => {
  expect(errorBody(new GatewayError(code, "Why"))).toEqual({
    type: "error",
    error: { type, message: "Why" },
  });
});

test("a budget that is told with 402 is a matter of billing", () => {
  const error = new GatewayError("budget_exceeded", "Why", { status: 402 });
  expect(errorBody(error).error.type).toBe("billing_error");
});

function refused(type: string): string {
  const upstream = { status: 422, type, code: null };
  return errorBody(new GatewayError("upstream_refused", "Why", { upstream })).error.type;
}

test("an upstream's own words are kept where they are Anthropic's", () => {
  expect(refused("request_too_large")).toBe("request_too_large");
  expect(refused("INVALID_ARGUMENT")).toBe("invalid_request_error");
});
