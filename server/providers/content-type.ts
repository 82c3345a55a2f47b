import type { Answer } from "./call.ts";

type Headed = Pick<Answer, "headers">;

export function isEventStream({ headers }: Headed): boolean {
  return String(headers["content-type"]).startsWith("text/event-stream");
}

export function saysJson({ headers }: Headed): boolean {
  return String(headers["content-type"]).includes("json");
}
