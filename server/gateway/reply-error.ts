import type { Call } from "./call.ts";
import { ending, type Outcome } from "./outcome.ts";
import { sendJson } from "./reply-headers.ts";
import type { Whole } from "./reply-whole.ts";
import type { Routed } from "./route.ts";
import { toldError } from "./told-error.ts";

/** An upstream that answered with status 200 and an error. It is charged for what it reports, and for nothing else. */
export function replyError(
  call: Call,
  { attempt, dropped }: Pick<Routed, "attempt" | "dropped">,
  { body, usage, error: told = {} }: Extract<Whole, { kind: "complete" }>,
): Outcome {
  const { failure, error } = toldError(told, call, attempt);
  const end = { ...ending(failure), usage, otherwise: { kind: "nothing" } } as const;
  return call.endpoint.native.repliesTellErrors
    ? { end, finish: () => sendJson(call, body, { attempt, dropped }) }
    : { end, error };
}
