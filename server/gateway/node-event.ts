import type { IncomingMessage, ServerResponse } from "node:http";
import type { H3Event } from "h3";

/** What h3's handlers return for "the response is written already"; h3 keeps the symbol in the global registry. */
export const handled = Symbol.for("h3.handled");

/**
 * Node's own request and response. The data plane works on them: web-standard request and stream objects would cost
 * more than all the rest of a call.
 */
export function nodeOf(event: H3Event): { request: IncomingMessage; response: ServerResponse } {
  const node = event.runtime?.node;
  if (!node?.res) throw new Error("Keyplane serves on node:http only");
  return { request: node.req as IncomingMessage, response: node.res as ServerResponse };
}
