import { Duplex } from "node:stream";
import type { MessagePort } from "node:worker_threads";

/** A message port as the byte stream that postgres.js expects of a socket. */
export class EmbeddedSocket extends Duplex {
  readonly #port: MessagePort;

  constructor(port: MessagePort) {
    super();
    this.#port = port;
    port.on("message", (bytes: Uint8Array) =>
      this.push(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)),
    );
    port.on("close", () => this.destroy());
  }

  /** postgres.js says goodbye only to a socket that says it is open, and waits for the close of one that is not closed. */
  get readyState(): "open" | "closed" {
    return this.destroyed ? "closed" : "open";
  }

  override _read(): void {
    // The port pushes; there is nothing to pull from.
  }

  override _write(bytes: Buffer, _encoding: BufferEncoding, done: () => void): void {
    this.#port.postMessage(bytes, []);
    done();
  }

  override _final(done: () => void): void {
    this.#port.close();
    done();
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#port.close();
    done(error);
  }
}
