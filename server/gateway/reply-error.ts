import { Buffer } from "node:buffer";
import { fieldsOf, parseJson } from "../providers/json.ts";
import { costOf } from "./account.ts";
import type { Attempt, Call } from "./call.ts";
import { ending, type Outcome } from "./outcome.ts";
import { sendJson } from "./reply-headers.ts";
import type { Whole } from "./reply-whole.ts";
import type { Routed } from "./route.ts";
import { secretsOf, toldError } from "./told-error.ts";
import { wordsOf } from "./upstream-words.ts";

type Told = Pick<Extract<Whole, { kind: "complete" }>, "body" | "usage" | "error">;

/** An upstream that answered with status 200 and an error: failed Responses, which tell of it themselves, or no answer at all. */
export function replyError(
  call: Call,
  { attempt, dropped }: Pick<Routed, "attempt" | "dropped">,
  told: Told,
): Outcome {
  const { end, error } = failedAnswer(call, attempt, told);
  const text = told.body.toString();
  const tellsItself =
    call.endpoint.native.repliesTellErrors && fieldsOf(parseJson(text))["status"] === "failed";
  if (!tellsItself) return { end, error };
  const body = Buffer.from(wordsOf(text, secretsOf(attempt)) ?? "");
  const cost = costOf(attempt, told.usage);
  return { end, finish: () => sendJson(call, body, { attempt, dropped, cost }) };
}

/** The same with a status of its own. It is charged for what it reports, and for nothing else. */
export function failedAnswer(
  call: Call,
  attempt: Attempt,
  { usage, error: told = {} }: Omit<Told, "body">,
) {
  const { failure, error } = toldError(told, call, attempt);
  const end = { ...ending(failure), usage, otherwise: { kind: "nothing" } } as const;
  return { end, error } satisfies Outcome;
}
