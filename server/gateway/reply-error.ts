import type { Attempt, Call } from "./call.ts";
import { ending, type Outcome } from "./outcome.ts";
import { sendJson } from "./reply-headers.ts";
import type { Whole } from "./reply-whole.ts";
import type { Routed } from "./route.ts";
import { toldError } from "./told-error.ts";

type Told = Pick<Extract<Whole, { kind: "complete" }>, "body" | "usage" | "error">;

/** An upstream that answered with status 200 and an error, in a format whose clients may read of it there. */
export function replyError(
  call: Call,
  { attempt, dropped }: Pick<Routed, "attempt" | "dropped">,
  told: Told,
): Outcome {
  const { end, error } = failedAnswer(call, attempt, told);
  return call.endpoint.native.repliesTellErrors
    ? { end, finish: () => sendJson(call, told.body, { attempt, dropped }) }
    : { end, error };
}

/** The same with a status of its own. It is charged for what it reports, and for nothing else. */
export function failedAnswer(call: Call, attempt: Attempt, { usage, error: told = {} }: Told) {
  const { failure, error } = toldError(told, call, attempt);
  const end = { ...ending(failure), usage, otherwise: { kind: "nothing" } } as const;
  return { end, error } satisfies Outcome;
}
