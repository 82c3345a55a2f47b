import type { H3Event } from "h3";
import { uuidv7 } from "../uuid.ts";
import { nodeOf } from "./node-event.ts";

const acceptable = /^[\x21-\x7e]{1,128}$/;

/** The id that a request is spoken of by: the client's own where it sent a usable one, else one of ours. */
export function requestIdOf(event: H3Event): string {
  const context = event.context as { requestId?: string };
  context.requestId ??= sentBy(event) ?? uuidv7();
  return context.requestId;
}

function sentBy(event: H3Event): string | undefined {
  const { headers } = nodeOf(event).request;
  return usable(headers["x-request-id"]) ?? usable(headers["x-litellm-call-id"]);
}

function usable(id: string | string[] | undefined): string | undefined {
  return typeof id === "string" && acceptable.test(id) ? id : undefined;
}
