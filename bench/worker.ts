import type { Server } from "node:http";

/** Listens on a free port of the loopback, tells the parent which, and ends when the parent is gone. */
export function listenAndReport(server: Server): void {
  // Longer than any pause between rounds, so that no pooled connection is closed under a call.
  server.keepAliveTimeout = 300_000;
  // All of a round's connections are made at once.
  server.listen({ host: "127.0.0.1", port: 0, backlog: 4096 }, () =>
    process.send?.(portOf(server)),
  );
  process.on("disconnect", () => process.exit());
}

/** The port that a listening server was given. */
export function portOf(server: Pick<Server, "address">): number {
  const address = server.address();
  if (address === null || typeof address === "string")
    throw new Error("Cannot tell the port of a server that does not listen");
  return address.port;
}
