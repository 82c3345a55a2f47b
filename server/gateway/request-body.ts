import { Buffer } from "node:buffer";
import type { IncomingMessage } from "node:http";
import type { H3Event } from "h3";
import { GatewayError } from "../errors.ts";
import { nodeOf } from "./node-event.ts";

/**
 * The body's bytes, whatever its content type says. May be asked for again: custom auth and the handler read the same.
 * @throws GatewayError `request_too_large`; the rest of such a body is not read.
 */
export function readBody(event: H3Event, maxBytes: number): Promise<Buffer> {
  const context = event.context as { body?: Promise<Buffer> };
  context.body ??= collect(nodeOf(event).request, maxBytes);
  return context.body;
}

/** The same where somebody has read it already; undefined where it is still to come. */
export function bodyRead(event: H3Event): Promise<Buffer> | undefined {
  return (event.context as { body?: Promise<Buffer> }).body;
}

function collect(request: IncomingMessage, maxBytes: number): Promise<Buffer> {
  if (Number(request.headers["content-length"]) > maxBytes)
    return Promise.reject(tooLarge(maxBytes));
  return new Promise((resolve, reject) => {
    const parts: Buffer[] = [];
    let size = 0;
    request.on("data", (part: Buffer) => {
      size += part.length;
      parts.push(part);
      if (size <= maxBytes) return;
      request.removeAllListeners("data").pause();
      reject(tooLarge(maxBytes));
    });
    request.on("end", () => {
      const body = parts.length === 1 && parts[0] ? parts[0] : Buffer.concat(parts);
      // The request keeps its listeners, and so these, for as long as the call takes.
      parts.length = 0;
      resolve(body);
    });
    request.on("error", () =>
      reject(new GatewayError("invalid_request", "The request ended before its body was complete")),
    );
  });
}

function tooLarge(maxBytes: number): GatewayError {
  return new GatewayError(
    "request_too_large",
    `Cannot take a body of more than ${maxBytes / 1_048_576} MB`,
    {
      // What is left of the body will not be read, so no second request can follow it.
      headers: { connection: "close" },
    },
  );
}

/** The body as a JSON object. */
export function parseObject(body: Buffer): Record<string, unknown> {
  const value = parse(body);
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw new GatewayError("invalid_request", "Cannot use the body: expected a JSON object");
  return value as Record<string, unknown>;
}

function parse(body: Buffer): unknown {
  if (body.length === 0)
    throw new GatewayError(
      "invalid_request",
      "Cannot use the body: it is empty, and a JSON object was expected",
    );
  try {
    return JSON.parse(body.toString());
  } catch (error) {
    throw new GatewayError("invalid_request", "Cannot read the body: it is not valid JSON", {
      cause: error,
    });
  }
}
