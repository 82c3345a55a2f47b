import { expect, test } from "vitest";
import { GatewayError } from "../../errors.ts";
import { responses } from "./responses.ts";

test("a spent budget is insufficient quota, at which clients stop", () => {
  const error = new GatewayError("budget_exceeded", "Budget of key ci-bot is spent");
  expect(responses.errorBody(error)).toEqual({
    error: {
      message: "Budget of key ci-bot is spent",
      type: "insufficient_quota",
      param: null,
      code: "budget_exceeded",
    },
  });
});

test("every other error is as on the other routes", () => {
  const error = new GatewayError("invalid_request", "No", { param: "input.0" });
  expect(responses.errorBody(error)).toEqual({
    error: { message: "No", type: "invalid_request_error", param: "input.0", code: null },
  });
});
