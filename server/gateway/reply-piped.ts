import type { ServerResponse } from "node:http";
import type { Answer } from "../providers/call.ts";
import type { CallFailure, Reader } from "../providers/source.ts";
import { writeChunk } from "./write-chunk.ts";

export interface PipedEnd {
  readonly failure: CallFailure | undefined;
  /** On the monotonic clock; undefined where nothing came. */
  readonly firstByteAtMs: number | undefined;
}

/** Passes bytes on as they come, no faster than the client takes them, and leaves the end of the reply to its owner. */
export class PipedReply implements Reader<Buffer> {
  readonly finished: Promise<PipedEnd>;
  readonly #response: ServerResponse;
  #finish: (end: PipedEnd) => void = () => undefined;
  #firstByteAtMs: number | undefined;

  constructor(response: ServerResponse) {
    this.#response = response;
    this.finished = new Promise((resolve) => {
      this.#finish = resolve;
    });
  }

  onData(chunk: Buffer, resume: () => void): boolean {
    this.#firstByteAtMs ??= performance.now();
    return writeChunk(this.#response, chunk, resume);
  }

  onEnd(): void {
    this.#finish({ failure: undefined, firstByteAtMs: this.#firstByteAtMs });
  }

  onFailure(failure: CallFailure): void {
    this.#finish({ failure, firstByteAtMs: this.#firstByteAtMs });
  }
}

/**
 * What an upstream says of its bytes. Not their length: the end of the reply has to wait for the journal, and a client that knew
 * the length would not wait for it.
 */
const kept = ["content-type", "content-disposition", "content-encoding"] as const;

/** Names and values in turn. */
export function contentHeaders({ headers }: Answer): string[] {
  return kept.flatMap((name) => {
    const value = headers[name];
    return typeof value === "string" && /^[\t -~\u0080-\u00ff]*$/.test(value) ? [name, value] : [];
  });
}
