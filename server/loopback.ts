import type { IncomingMessage } from "node:http";
import { GatewayError } from "./errors.ts";

const loopbackNames = new Set(["localhost", "127.0.0.1", "[::1]", "::1"]);

/** Whether a host, as given to `listen`, is reached from this machine only. */
export function isLoopback(host: string): boolean {
  return loopbackNames.has(host) || /^127\.\d+\.\d+\.\d+$/.test(host);
}

/**
 * Without a master key the only wall is the loopback address, and a page in a browser on this machine stands inside it:
 * a foreign `Origin` is such a page, and a `Host` that is not loopback a name that was rebound to this machine.
 */
export function refuseForeignPages({ headers }: IncomingMessage): void {
  if (headers.host === undefined || !isLoopbackUrl(`http://${headers.host}`))
    throw new GatewayError(
      "host_not_allowed",
      "Without a master key this gateway answers only to a loopback Host",
    );
  if (headers.origin !== undefined && !isLoopbackUrl(headers.origin))
    throw new GatewayError(
      "host_not_allowed",
      "Without a master key this gateway answers no page of another origin",
    );
}

function isLoopbackUrl(text: string): boolean {
  return URL.canParse(text) && isLoopback(new URL(text).hostname);
}

/**
 * Whether a request comes from a program on this machine. What a proxy on this machine passes on does not, though its
 * connection does: proxies name whom they speak for, or the host that was asked for.
 */
export function isLocalCaller({ socket, headers }: IncomingMessage): boolean {
  const address = socket.remoteAddress?.replace(/^::ffff:/, "");
  return (
    address !== undefined &&
    isLoopback(address) &&
    headers.host !== undefined &&
    isLoopbackUrl(`http://${headers.host}`) &&
    (headers.origin === undefined || isLoopbackUrl(headers.origin)) &&
    !forwarding.some((name) => name in headers)
  );
}

const forwarding = ["forwarded", "x-forwarded-for", "x-real-ip", "via"];
