// https://www.postgresql.org/docs/current/protocol-message-formats.html

/** A whole message from a client. What comes before a connection has started carries no type letter on the wire. */
export interface FrontendMessage {
  readonly type: "startup" | "encryption-request" | "cancel-request" | (string & {});
  readonly bytes: Uint8Array;
}

/** `I` idle, `T` in a transaction, `E` in a transaction that has failed. */
export type TransactionStatus = "I" | "T" | "E";

const protocolVersion = 196608;
const cancelRequest = 80877102;
const encryptionRequests = new Set([80877103, 80877104]); // SSLRequest, GSSENCRequest

/** Cuts what a client sends into whole messages, wherever the pieces of the stream were torn. */
export class FrontendFramer {
  #pending = Buffer.alloc(0);
  #started = false;

  /** @throws RangeError when a length is impossible: the stream has lost its place and must be closed. */
  push(piece: Uint8Array): FrontendMessage[] {
    this.#pending = Buffer.concat([this.#pending, piece]);
    const messages: FrontendMessage[] = [];
    for (let message = this.#take(); message; message = this.#take()) messages.push(message);
    return messages;
  }

  #take(): FrontendMessage | undefined {
    const header = this.#started ? 1 : 0;
    if (this.#pending.length < header + 4) return undefined;
    const length = header + readLength(this.#pending, header);
    if (this.#pending.length < length) return undefined;
    const bytes = this.#pending.subarray(0, length);
    this.#pending = this.#pending.subarray(length);
    return { type: this.#started ? letterAt(bytes, 0) : this.#openingType(bytes), bytes };
  }

  #openingType(bytes: Buffer): FrontendMessage["type"] {
    if (bytes.length < 8)
      throw new RangeError("Cannot read a startup message without a protocol version");
    const code = bytes.readInt32BE(4);
    if (code === cancelRequest) return "cancel-request";
    if (encryptionRequests.has(code)) return "encryption-request";
    if (code !== protocolVersion) throw new RangeError(`Cannot speak protocol version ${code}`);
    this.#started = true;
    return "startup";
  }
}

/** What the engine has answered to one batch, told apart by who it is for. */
export interface Reply {
  /** For the connection that asked, in order. */
  readonly own: Uint8Array;
  /** NotificationResponse messages: for every connection. */
  readonly notifications: Uint8Array[];
  /** From the last ReadyForQuery; undefined when the engine still expects more of the same batch. */
  readonly status: TransactionStatus | undefined;
}

/** Reads an answer of the engine, which always holds whole messages. */
export function readReply(answer: Uint8Array): Reply {
  const bytes = Buffer.from(answer.buffer, answer.byteOffset, answer.byteLength);
  const own: Uint8Array[] = [];
  const notifications: Uint8Array[] = [];
  let status: TransactionStatus | undefined;
  for (let start = 0; start < bytes.length;) {
    const end = start + 1 + readLength(bytes, start + 1);
    const message = bytes.subarray(start, end);
    const type = letterAt(bytes, start);
    (type === "A" ? notifications : own).push(message);
    if (type === "Z") status = readStatus(message);
    start = end;
  }
  return { own: notifications.length === 0 ? bytes : Buffer.concat(own), notifications, status };
}

/** A simple query. */
export function encodeQuery(text: string): Uint8Array {
  return encode("Q", `${text}\0`);
}

/** Sync: ends an extended-protocol batch, and what is left of a failed one. */
export function encodeSync(): Uint8Array {
  return encode("S", "");
}

/** An ErrorResponse after which the connection is closed. `code` is an SQLSTATE. */
export function encodeFatal(code: string, message: string): Uint8Array {
  return encode("E", `SFATAL\0VFATAL\0C${code}\0M${message}\0\0`);
}

function encode(type: string, body: string): Uint8Array {
  const message = Buffer.alloc(5 + Buffer.byteLength(body));
  message.write(type);
  message.writeInt32BE(message.length - 1, 1);
  message.write(body, 5);
  return message;
}

function readLength(bytes: Buffer, offset: number): number {
  const length = bytes.readInt32BE(offset);
  if (length < 4) throw new RangeError(`Cannot read a message of length ${length}`);
  return length;
}

function letterAt(bytes: Uint8Array, offset: number): string {
  return String.fromCharCode(bytes[offset] ?? 0);
}

function readStatus(readyForQuery: Uint8Array): TransactionStatus {
  const letter = letterAt(readyForQuery, 5);
  return letter === "T" || letter === "E" ? letter : "I";
}
