/**
 * Follows one HTTP/1.1 reply over a socket, just far enough to know its status and where it ends.
 * Node's own client would cost the load generator more than the proxy under test costs.
 */
export class ReplyReader {
  /** 0 until the head is complete. */
  status = 0;
  done = false;
  #head = "";
  #bytesLeft = 0;
  #chunked = false;
  #tail = "\r\n";

  /** Whether the reply is a stream that was told to its end. */
  get saidDone(): boolean {
    return this.#tail.includes("data: [DONE]");
  }

  push(piece: Buffer): void {
    if (this.status !== 0) return this.#pushBody(piece);
    this.#head += piece.toString("latin1");
    const bodyAt = this.#head.indexOf("\r\n\r\n") + 4;
    if (bodyAt < 4) return;
    this.status = Number(this.#head.slice(9, 12));
    this.#chunked = /\r\ntransfer-encoding: *chunked\r\n/i.test(this.#head);
    this.#bytesLeft = Number(/\r\ncontent-length: *(\d+)\r\n/i.exec(this.#head)?.[1] ?? 0);
    const bodyBytes = this.#head.length - bodyAt;
    this.#pushBody(piece.subarray(piece.length - bodyBytes));
  }

  #pushBody(piece: Buffer): void {
    if (!this.#chunked) {
      this.#bytesLeft -= piece.length;
      this.done = this.#bytesLeft <= 0;
      return;
    }
    // 40 characters hold the last event, its line ends and the closing chunk, however the pieces were cut.
    this.#tail = (this.#tail + piece.toString("latin1", Math.max(0, piece.length - 40))).slice(-40);
    this.done = this.#tail.endsWith("\r\n0\r\n\r\n");
  }
}
