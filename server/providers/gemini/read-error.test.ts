import { expect, test } from "vitest";
import { readError } from "./read-error.ts";

const invalidKey = {
  error: {
    code: 400,
    message: "API key not valid. Please pass a valid API key.",
    status: "INVALID_ARGUMENT",
    details: [
      {
        "@type": "type.googleapis.com/google.rpc.ErrorInfo",
        reason: "API_KEY_INVALID",
        domain: "googleapis.com",
        metadata: { service: "generativelanguage.googleapis.com" },
      },
      {
        "@type": "type.googleapis.com/google.rpc.LocalizedMessage",
        locale: "en-US",
        message: "API key not valid. Please pass a valid API key.",
      },
    ],
  },
};

test("a key that is not valid is 401, whatever Google calls it", () => {
  expect(readError(400, invalidKey)).toEqual({
    status: 401,
    message: "API key not valid. Please pass a valid API key.",
    type: "INVALID_ARGUMENT",
    code: "API_KEY_INVALID",
  });
});

test("a request that is wrong keeps its status and its words", () => {
  const message = "Thinking level MINIMAL is not supported for this model.";

  expect(readError(400, { error: { code: 400, message, status: "INVALID_ARGUMENT" } })).toEqual({
    status: 400,
    message,
    type: "INVALID_ARGUMENT",
    code: null,
  });
});

test("an error is found in the list that a stream's body is", () => {
  const body = [{ error: { code: 429, message: "Quota exceeded", status: "RESOURCE_EXHAUSTED" } }];

  expect(readError(429, body)).toMatchObject({ status: 429, type: "RESOURCE_EXHAUSTED" });
});

test.each([[null], [[]], ["<html>"], [{}], [{ error: "no" }]])(
  "%j is no error of Google's",
  (body) => {
    expect(readError(500, body)).toBeUndefined();
  },
);
