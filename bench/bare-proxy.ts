/**
 * The baseline, a process of its own: `bare-proxy.js UPSTREAM_PORT`. The least that a proxy in Node can do:
 * node:http on one side, undici's `dispatch` on the other, the bytes handed on as they come.
 */
import { createServer, type IncomingHttpHeaders, type ServerResponse } from "node:http";
import { Client, type Dispatcher } from "undici";
import { listenAndReport } from "./worker.ts";

const origin = `http://127.0.0.1:${process.argv[2]}`;
const idle: Client[] = [];

/** One client carries one call at a time: a tenth cheaper than a Pool, which does its own queueing. */
function takeClient(): Client {
  return (
    idle.pop() ??
    new Client(origin, {
      pipelining: 1,
      keepAliveTimeout: 300_000,
      headersTimeout: 0,
      bodyTimeout: 0,
    })
  );
}

class HandOn implements Dispatcher.DispatchHandler {
  readonly #client: Client;
  readonly #response: ServerResponse;
  #wholeLength = 0;
  #wholeBody: Buffer | undefined;

  constructor(client: Client, response: ServerResponse) {
    this.#client = client;
    this.#response = response;
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#response.once("close", () => {
      if (!this.#response.writableFinished) controller.abort(new Error("The caller hung up"));
    });
  }

  onResponseStart(
    _controller: Dispatcher.DispatchController,
    status: number,
    headers: IncomingHttpHeaders,
  ): void {
    this.#wholeLength = Number(headers["content-length"] ?? 0);
    this.#response.writeHead(status, headers);
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (chunk.length === this.#wholeLength) {
      // Head and body leave in one write.
      this.#wholeBody = chunk;
      return;
    }
    if (this.#response.write(chunk)) return;
    controller.pause();
    this.#response.once("drain", () => controller.resume());
  }

  onResponseEnd(): void {
    idle.push(this.#client);
    this.#response.end(this.#wholeBody);
  }

  onResponseError(): void {
    idle.push(this.#client);
    if (this.#response.headersSent) this.#response.destroy();
    else this.#response.writeHead(502).end();
  }
}

listenAndReport(
  createServer((request, response) => {
    const parts: Buffer[] = [];
    request.on("data", (part: Buffer) => parts.push(part));
    request.on("end", () => {
      const body = parts.length === 1 && parts[0] !== undefined ? parts[0] : Buffer.concat(parts);
      const client = takeClient();
      const headers = ["content-type", "application/json", "authorization", "Bearer upstream-key"];
      client.dispatch(
        { path: request.url ?? "/", method: "POST", headers, body },
        new HandOn(client, response),
      );
    });
  }),
);
