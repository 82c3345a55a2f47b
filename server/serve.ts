import { createServer, type RequestListener, type Server } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { NodeRequest, sendNodeResponse } from "srvx/node";
import type { H3 } from "h3";
import { createApp } from "./app.ts";
import type { Deps } from "./deps.ts";

/** Longer than the idle time of load balancers in use, so that it is they who close a connection. */
const keepAliveTimeoutMs = 75_000;

/**
 * How many connections may wait to be taken. A thousand clients that come in one moment find more than Node's 511 in a queue, and each of the
 * others tries again after a second, and then after two; the system holds this to its own bound (`net.core.somaxconn`).
 */
const backlog = 4096;

/** How long a drain waits for replies that are under way. */
const drainTimeoutMs = 30_000;

export interface Serving {
  /** As in `http://127.0.0.1:8000`. */
  readonly url: string;
  /** Takes no more connections and waits for the replies under way, but not for ever. */
  drain(): Promise<void>;
}

/** @throws Error when the address cannot be listened on. */
export async function serve(deps: Deps, address: { host: string; port: number }): Promise<Serving> {
  const server = createServer(
    { keepAliveTimeout: keepAliveTimeoutMs },
    listenerOf(createApp(deps)),
  );
  // A request may carry tens of megabytes over a slow line; headers have a limit of their own.
  server.requestTimeout = 0;
  const silent = silentSockets(server);
  await listen(server, address);
  const { address: host, port, family } = server.address() as AddressInfo;
  return {
    url: `http://${family === "IPv6" ? `[${host}]` : host}:${port}`,
    drain: () => drain(server, silent),
  };
}

/**
 * h3's own adapter, but for replies that the data plane has written by itself: ending those again would make Node
 * construct an error for each, which costs more than all of h3.
 */
function listenerOf(app: H3): RequestListener {
  return async (request, response) => {
    const reply = await app.fetch(new NodeRequest({ req: request, res: response }));
    if (!response.headersSent) await sendNodeResponse(response, reply);
  };
}

function listen(server: Server, { host, port }: { host: string; port: number }): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", (error: NodeJS.ErrnoException) =>
      reject(
        error.code === "EADDRINUSE"
          ? new Error(`Cannot listen on ${host}:${port}: the port is in use`)
          : error,
      ),
    );
    server.listen({ host, port, backlog }, resolve);
  });
}

/** Connections that have not carried a request yet, which Node does not count as idle. */
function silentSockets(server: Server): Set<Socket> {
  const silent = new Set<Socket>();
  server.on("connection", (socket: Socket) => {
    silent.add(socket);
    socket.once("close", () => silent.delete(socket));
  });
  server.on("request", ({ socket }) => silent.delete(socket));
  return silent;
}

async function drain(server: Server, silent: ReadonlySet<Socket>): Promise<void> {
  const closed = new Promise((resolve) => server.close(resolve));
  for (const socket of silent) socket.destroy();
  // Connections that are kept alive after their last reply would hold the server open.
  const sweep = setInterval(() => server.closeIdleConnections(), 50);
  const deadline = setTimeout(() => server.closeAllConnections(), drainTimeoutMs);
  await closed;
  clearInterval(sweep);
  clearTimeout(deadline);
}
