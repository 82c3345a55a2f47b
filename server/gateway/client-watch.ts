import type { ServerResponse } from "node:http";
import { GatewayError } from "../errors.ts";

/** The client's end of a call: tells the step that is in charge by then that nobody is listening any more. */
export class ClientWatch {
  #isGone = false;
  #react: () => void = () => undefined;

  constructor(response: ServerResponse) {
    // It is told once: `once` would wrap this to make sure of that.
    response.on("close", () => {
      if (response.writableFinished) return;
      this.#isGone = true;
      this.#react();
    });
  }

  get isGone(): boolean {
    return this.#isGone;
  }

  /** Puts a step in charge, in the place of the one before. It is told at once when the client is gone already. */
  whenGone(react: () => void): void {
    this.#react = react;
    if (this.#isGone) react();
  }
}

export function clientClosed(): GatewayError {
  return new GatewayError("client_closed", "The client closed the connection");
}
