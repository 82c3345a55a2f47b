import { defineHandler, type EventHandler, type H3Event } from "h3";
import { handled, nodeOf } from "./node-event.ts";

/** A browser asks again after so long, in seconds; the most that one of them remembers. */
const maxAge = "7200";

/**
 * Lets pages of any origin read what a key is answered: who has the key may. Nothing is sent by a browser unasked, since keys
 * travel in headers, not in cookies.
 */
export function allowOrigin(event: H3Event): void {
  const { request, response } = nodeOf(event);
  if (request.headers.origin === undefined) return;
  response.setHeader("access-control-allow-origin", "*");
  response.setHeader("access-control-expose-headers", "*");
}

/** What a browser asks before a request with a key: its SDK's headers (`x-stainless-*`, `anthropic-*`) are let through as it names them. */
export const preflight: EventHandler = defineHandler((event) => {
  const { request, response } = nodeOf(event);
  allowOrigin(event);
  const asked = request.headers["access-control-request-headers"];
  response.writeHead(204, {
    "access-control-allow-methods": "GET, POST",
    ...(typeof asked === "string" && { "access-control-allow-headers": asked }),
    "access-control-max-age": maxAge,
    vary: "access-control-request-headers",
  });
  response.end();
  return handled;
});
