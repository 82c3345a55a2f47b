import type { Readable } from "node:stream";
import { Client, type Dispatcher } from "undici";
import type { CallFailure, Reader, Source } from "./source.ts";

/** An upstream that answered: its head is here, its body is still to come. */
export interface Answer extends Source<Buffer> {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
}

export interface UpstreamRequest {
  /** By default `POST`. */
  readonly method?: "GET" | "POST" | "DELETE";
  readonly path: string;
  /** Names and values in turn, but for those that frame the body. Of one that is a stream `content-length` may be told. */
  readonly headers: readonly string[];
  readonly body: Buffer | Readable | null;
  /** How long to wait for the head and, within the body, from one chunk to the next. */
  readonly timeoutMs: number;
}

/** How long to wait for a connection, TLS included. */
const connectTimeoutMs = 10_000;

/** Connections that are kept for later calls to one origin. */
const idleCapacity = 1_024;

/**
 * Connections to upstreams: for each origin a free list of clients with one call in flight each, which costs a tenth
 * less CPU than a pool that shares them out.
 */
export class Transport {
  readonly #idle = new Map<string, Client[]>();

  /**
   * Sends a request and answers with its head, or with why there is none. `onAbort` is given what ends the call while
   * the head is still awaited.
   */
  send(
    origin: string,
    request: UpstreamRequest,
    onAbort: (abort: () => void) => void,
  ): Promise<Answer | CallFailure> {
    const idle = this.#idleFor(origin);
    const client =
      idle.pop() ?? new Client(origin, { pipelining: 1, connect: { timeout: connectTimeoutMs } });
    const release = () => {
      if (idle.length < idleCapacity) idle.push(client);
      else void client.close();
    };
    return new Promise((resolve) => {
      const exchange = new Exchange(resolve, release);
      onAbort(() => exchange.abort());
      client.dispatch(
        {
          path: request.path,
          method: request.method ?? "POST",
          headers: request.headers as string[],
          body: request.body,
          headersTimeout: request.timeoutMs,
          bodyTimeout: request.timeoutMs,
        },
        exchange,
      );
    });
  }

  async close(): Promise<void> {
    const clients = [...this.#idle.values()].flat();
    this.#idle.clear();
    await Promise.all(clients.map((client) => client.destroy()));
  }

  #idleFor(origin: string): Client[] {
    const known = this.#idle.get(origin);
    if (known) return known;
    const idle: Client[] = [];
    this.#idle.set(origin, idle);
    return idle;
  }
}

/** One request and its answer, as undici drives it. */
class Exchange implements Dispatcher.DispatchHandler, Answer {
  readonly #resolve: (outcome: Answer | CallFailure) => void;
  readonly #release: () => void;
  #controller: Dispatcher.DispatchController | undefined;
  #reader: Reader<Buffer> | undefined;
  /** What arrived between the head and `read`: at most what one read of the socket brought. */
  #early: Buffer[] = [];
  #outcome: "ended" | CallFailure | undefined;
  #aborted = false;
  #isSent = false;
  status = 0;
  headers: Answer["headers"] = {};

  constructor(resolve: (outcome: Answer | CallFailure) => void, release: () => void) {
    this.#resolve = resolve;
    this.#release = release;
  }

  read(reader: Reader<Buffer>): void {
    this.#reader = reader;
    for (const chunk of this.#early) this.#deliver(chunk, reader);
    this.#early = [];
    if (this.#outcome) this.#finish(reader, this.#outcome);
  }

  abort(): void {
    this.#aborted = true;
    this.#controller?.abort(new Error("the client is gone"));
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    this.#isSent = !this.#aborted;
    if (this.#aborted) controller.abort(new Error("the client is gone"));
  }

  onResponseStart(
    _controller: Dispatcher.DispatchController,
    status: number,
    headers: Answer["headers"],
  ): void {
    if (status < 200) return;
    this.status = status;
    this.headers = headers;
    this.#resolve(this);
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#reader) this.#deliver(chunk, this.#reader);
    else this.#early.push(chunk);
  }

  onResponseEnd(): void {
    this.#release();
    this.#conclude("ended");
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    this.#release();
    // Aborted while the connection was still being made, a call never reached the upstream: nothing is owed for it.
    this.#conclude(
      this.#aborted && this.#isSent ? { kind: "aborted", reason: "client gone" } : failureOf(error),
    );
  }

  #conclude(outcome: "ended" | CallFailure): void {
    if (this.status === 0 && outcome !== "ended") this.#resolve(outcome);
    else if (this.#reader) this.#finish(this.#reader, outcome);
    else this.#outcome = outcome;
  }

  #deliver(chunk: Buffer, reader: Reader<Buffer>): void {
    const controller = this.#controller;
    if (!reader.onData(chunk, () => controller?.resume())) controller?.pause();
  }

  #finish(reader: Reader<Buffer>, outcome: "ended" | CallFailure): void {
    if (outcome === "ended") reader.onEnd();
    else reader.onFailure(outcome);
  }
}

const timeouts = new Set(["UND_ERR_HEADERS_TIMEOUT", "UND_ERR_BODY_TIMEOUT"]);
const unreachable = new Set([
  "UND_ERR_CONNECT_TIMEOUT",
  "ECONNREFUSED",
  "ENOTFOUND",
  "EAI_AGAIN",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "ENETDOWN",
  "ECONNABORTED",
]);

function failureOf(error: Error): CallFailure {
  const code = "code" in error && typeof error.code === "string" ? error.code : undefined;
  const reason = code ?? error.name;
  if (code !== undefined && timeouts.has(code)) return { kind: "timeout", reason };
  const isTls =
    code !== undefined && /^(ERR_TLS|CERT_|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO)/.test(code);
  return {
    kind: isTls || (code !== undefined && unreachable.has(code)) ? "unreachable" : "broken",
    reason,
  };
}
