/** The mock upstream, a process of its own: `upstream.js PACE_MS`. It reports the port it listens on to its parent. */
import { createServer, type ServerResponse } from "node:http";
import { chatReply, streamEvent, streamUsageEvent } from "./wire.ts";
import { listenAndReport } from "./worker.ts";

const paceMs = Number(process.argv[2] ?? 5);
const whole = chatReply();
const wholeHeaders = ["content-type", "application/json", "content-length", String(whole.length)];
const middleEvent = streamEvent({ last: false });
const lastEvent = streamEvent({ last: true });
const done = Buffer.from("data: [DONE]\n\n");

listenAndReport(
  createServer((request, response) => {
    const parts: Buffer[] = [];
    request.on("data", (part: Buffer) => parts.push(part));
    request.on("end", () => answer(Buffer.concat(parts).toString("latin1"), response));
  }),
);

// The body is searched and not parsed: the mock shares two cores with what is measured.
function answer(body: string, response: ServerResponse): void {
  if (!/"stream":\s*true/.test(body)) {
    const waitMs = Number(/"wait_ms":\s*(\d+)/.exec(body)?.[1] ?? 0);
    const send = () => response.writeHead(200, wholeHeaders).end(whole);
    if (waitMs > 0) setTimeout(send, waitMs);
    else send();
    return;
  }
  const chunks = Number(/"max_tokens":\s*(\d+)/.exec(body)?.[1] ?? 50);
  const withUsage = /"include_usage":\s*true/.test(body);
  stream(response, chunks, withUsage ? [streamUsageEvent(chunks), done] : [done]);
}

function stream(response: ServerResponse, chunks: number, ending: Buffer[]): void {
  let sent = 0;
  response.writeHead(200, ["content-type", "text/event-stream", "cache-control", "no-cache"]);
  const pace = setInterval(() => {
    sent += 1;
    response.write(sent < chunks ? middleEvent : lastEvent);
    if (sent < chunks) return;
    clearInterval(pace);
    for (const event of ending) response.write(event);
    response.end();
  }, paceMs);
  response.on("close", () => clearInterval(pace));
}
