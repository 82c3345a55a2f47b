import { readFileSync } from "node:fs";
import { join } from "node:path";
import { packageRoot } from "../package.ts";
import type { AnswerUpstream } from "./fake-upstream.ts";

/** An event stream from a fixture of a provider: `anthropic/text.sse`. */
export function recorded(name: string): string {
  const [provider = "", file = ""] = name.split("/");
  return readFileSync(join(packageRoot, "server/providers", provider, "fixtures", file), "utf8");
}

/** Answers with a recorded stream, an event a write; `events` limits how many come before the connection is dropped. */
export function replaying(name: string, { events }: { events?: number } = {}): AnswerUpstream {
  const all = recorded(name)
    .split(/(?<=\n\n)/)
    .filter((event) => event.trim() !== "");
  return (_call, response) => {
    response.writeHead(200, { "content-type": "text/event-stream; charset=utf-8" });
    for (const event of all.slice(0, events)) response.write(event);
    if (events === undefined) response.end();
    else setImmediate(() => response.destroy());
  };
}
