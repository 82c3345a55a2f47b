import { Buffer } from "node:buffer";
import type { ServerResponse } from "node:http";

/** Copying what is larger than this costs more than it saves. */
const largestFramed = 4 * 1024;

/**
 * Passes a piece of a reply on whose head is written. False asks for a pause, until `resume` is called: the client takes
 * no more for now.
 */
export function writeChunk(response: ServerResponse, chunk: Buffer, resume: () => void): boolean {
  if (chunk.length === 0 || response.destroyed || write(response, chunk)) return true;
  response.once("drain", resume);
  return false;
}

/**
 * In HTTP's chunked coding, which is Node's default for a reply of unknown length, a small chunk goes out framed, in one
 * piece. Node would queue its four parts one by one, which takes a tenth of all that a chunk costs.
 */
function write(response: ServerResponse, chunk: Buffer): boolean {
  if (!response.chunkedEncoding || chunk.length > largestFramed) return response.write(chunk);
  response.chunkedEncoding = false;
  try {
    return response.write(framed(chunk));
  } finally {
    response.chunkedEncoding = true;
  }
}

/** RFC 9112, section 7.1: its length in hexadecimal digits and a line end, then its bytes and a line end. */
function framed(chunk: Buffer): Buffer {
  const digits = chunk.length.toString(16);
  const bytes = Buffer.allocUnsafe(digits.length + chunk.length + 4);
  let at = 0;
  for (; at < digits.length; at += 1) bytes[at] = digits.charCodeAt(at);
  at = endLine(bytes, at);
  bytes.set(chunk, at);
  endLine(bytes, at + chunk.length);
  return bytes;
}

function endLine(bytes: Buffer, at: number): number {
  bytes[at] = carriageReturn;
  bytes[at + 1] = lineFeed;
  return at + 2;
}

const carriageReturn = 0x0d;
const lineFeed = 0x0a;
