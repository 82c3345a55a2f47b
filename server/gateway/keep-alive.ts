import type { ServerResponse } from "node:http";

const comment = ": keep-alive\n\n";

/**
 * Keeps streams open on which a model thinks for long: proxies and clients take silence for a connection that died. A comment
 * says nothing to a reader of server-sent events. One timer looks at all streams, so that a chunk costs nothing.
 */
export class KeepAlive {
  readonly #intervalMs: number;
  /** With what each had sent when it was looked at last. */
  readonly #streams = new Map<ServerResponse, number>();
  #timer: NodeJS.Timeout | undefined;

  /** @param intervalMs after so long a silence, and at most twice that, a comment is sent; 0: never */
  constructor(intervalMs: number) {
    this.#intervalMs = intervalMs;
  }

  /** To be called when a stream's head has been written; what is returned, when nothing but its end is left to send. */
  watch(response: ServerResponse): () => void {
    if (this.#intervalMs === 0) return () => undefined;
    this.#streams.set(response, sentBy(response));
    this.#timer ??= setInterval(() => this.#look(), this.#intervalMs).unref();
    return () => this.#forget(response);
  }

  #look(): void {
    for (const [response, sent] of this.#streams) {
      if (response.destroyed || response.writableEnded) {
        this.#forget(response);
        continue;
      }
      // To a client that does not read what is there already nothing is added.
      if (sentBy(response) === sent && !response.writableNeedDrain) response.write(comment);
      this.#streams.set(response, sentBy(response));
    }
  }

  #forget(response: ServerResponse): void {
    this.#streams.delete(response);
    if (this.#streams.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }
}

function sentBy({ socket }: ServerResponse): number {
  return socket?.bytesWritten ?? 0;
}
