import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

/** A proxy that lets nothing through: whoever goes by it does not reach the world, and is heard. */
export interface Outside extends AsyncDisposable {
  /** Variables that send a program there, but for loopback. */
  readonly environment: Readonly<Record<string, string>>;
  /** Hosts that were asked for since this was last called. */
  asked(): string[];
}

export async function startOutside(): Promise<Outside> {
  const hosts = new Set<string>();
  const server = createServer((request, response) => {
    hosts.add(request.headers.host ?? "");
    response.writeHead(403).end();
  });
  server.on("connect", (request, socket) => {
    hosts.add(request.url ?? "");
    // Whoever is refused hangs up, in whatever way.
    socket.on("error", () => undefined);
    socket.end("HTTP/1.1 403 Forbidden\r\n\r\n");
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    environment: { HTTPS_PROXY: url, HTTP_PROXY: url, NO_PROXY: "127.0.0.1,localhost" },
    asked() {
      const asked = [...hosts];
      hosts.clear();
      return asked;
    },
    async [Symbol.asyncDispose]() {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
    },
  };
}
