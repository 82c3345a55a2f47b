import type { Answer } from "./call.ts";

type Headed = Pick<Answer, "headers">;

/** What an answer says it is, in small letters; empty where it does not say. */
export function typeOf({ headers }: Headed): string {
  return String(headers["content-type"] ?? "").toLowerCase();
}

export function isEventStream(answer: Headed): boolean {
  return typeOf(answer).startsWith("text/event-stream");
}

export function saysJson(answer: Headed): boolean {
  return typeOf(answer).includes("json");
}
