import { GatewayError } from "../errors.ts";
import type { Target } from "./adapter.ts";

/**
 * What becomes of the parameters of a request that a provider has no words for. A hint that only steers the answer (`seed`,
 * `logit_bias`) is left out, and the client is told. What would change the answer's shape (`n`, `logprobs`) is refused, unless
 * the deployment drops parameters.
 */
export class Translation {
  readonly dropped: string[] = [];
  readonly #target: Target;

  constructor(target: Target) {
    this.#target = target;
  }

  /** Leaves a parameter out. */
  drop(name: string): void {
    if (!this.dropped.includes(name)) this.dropped.push(name);
  }

  /** @param why as in `its provider gives one answer to a chat, not several` */
  refuse(name: string, why: string): void {
    if (!this.#target.dropsParameters)
      throw new GatewayError("invalid_request", `Cannot use ${name}: ${why}`, { param: name });
    this.drop(name);
  }

  /** Leaves out every parameter that is set and not known to the provider. */
  dropUnknown(request: Readonly<Record<string, unknown>>, known: ReadonlySet<string>): void {
    for (const [name, value] of Object.entries(request))
      if (value !== null && value !== undefined && !known.has(name)) this.drop(name);
  }
}

/** A request that cannot be put into a provider's words, whatever the deployment drops. */
export function untranslatable(param: string, message: string): GatewayError {
  return new GatewayError("invalid_request", message, { param });
}

/** Whether a request defeated what walks it: a nesting deeper than the stack. Nothing else throws that on a request. */
export function isTooDeep(thrown: unknown): boolean {
  return thrown instanceof RangeError && thrown.message.includes("call stack");
}

export function nestedTooDeeply(cause: unknown): GatewayError {
  return new GatewayError(
    "invalid_request",
    "Cannot put the request into the words of its provider: it is nested too deeply",
    { cause },
  );
}
