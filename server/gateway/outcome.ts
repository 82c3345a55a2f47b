import type { Usage } from "../../shared/spend.ts";
import { GatewayError } from "../errors.ts";
import type { CallFailure } from "../providers/source.ts";
import type { AttemptEnd } from "./account.ts";
import type { Call } from "./call.ts";
import type { StreamEnd } from "./reply-stream.ts";
import type { Received } from "./send.ts";
import { failureOfCall } from "./upstream-error.ts";

/** How a reply ended: for the ledger, and for the client the last of it, or an error where it has been sent nothing. */
export type Outcome = { readonly end: AttemptEnd } & (
  | { readonly finish: () => void }
  | { readonly error: unknown }
);

/** An answer that cannot be used. What it says of its usage is charged: the upstream did its work. */
export function foreign({ asked }: Call, what: string, usage: Usage | undefined): Outcome {
  return {
    end: {
      status: "failure",
      errorCode: "upstream_failed",
      reason: `answered with ${what}`,
      usage,
      otherwise: { kind: "nothing" },
    },
    error: new GatewayError(
      "upstream_failed",
      `The upstream of model ${JSON.stringify(asked)} answered with ${what}`,
    ),
  };
}

/** A whole reply that did not arrive. */
export function brokenOff(call: Call, failure: CallFailure): Outcome {
  const isGone = failure.kind === "aborted";
  return {
    end: { ...ending(failure), otherwise: { kind: isGone ? "estimate" : "nothing" } },
    error: failureOfCall(failure, call.asked).error,
  };
}

export function ending(
  failure: CallFailure | undefined,
): Pick<AttemptEnd, "status" | "errorCode" | "reason"> {
  if (!failure) return { status: "success" };
  if (failure.kind === "aborted") return { status: "aborted", errorCode: "client_closed" };
  const { code, error, reason } = failureOfCall(failure, "");
  return { status: "failure", errorCode: code ?? error.code, reason };
}

/**
 * What a stream is charged for that reported nothing: what was generated, and the prompt with it. One that failed before
 * anything came of it, as with an error for its first event, was not answered: it costs nothing.
 */
export function otherwiseOf({
  failure,
  text,
  usageSoFar,
}: Pick<StreamEnd, "failure" | "text" | "usageSoFar">): AttemptEnd["otherwise"] {
  const isUnanswered = failure && failure.kind !== "aborted" && text === "" && !usageSoFar;
  return isUnanswered ? { kind: "nothing" } : { kind: "generated", text };
}

/** Nobody will read the rest. */
export function abandon(received: Received): void {
  if (received.kind === "bytes") received.answer.abort();
  if (received.kind === "events") received.source.abort();
}
