import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";

/** A way to a server on 127.0.0.1 that a test can break. */
export interface TcpProxy extends AsyncDisposable {
  /** The server's URL with the proxy in its place. */
  readonly url: string;
  /** From now on the server hears everything and its answers are lost. */
  deafen(): void;
  /** From now on nothing gets through either way, though connections stay open and new ones are taken. */
  silence(): void;
  /** Breaks every connection; new ones are refused. */
  cut(): Promise<void>;
  /** Lets connections and answers through again; those that were lost stay so. */
  restore(): Promise<void>;
}

export async function startTcpProxy(serverUrl: string): Promise<TcpProxy> {
  const target = new URL(serverUrl);
  const sockets = new Set<Socket>();
  let isDeaf = false;
  let isSilent = false;

  const server = createServer((client) => {
    const upstream = connect(Number(target.port), target.hostname);
    for (const [socket, other] of [[client, upstream] as const, [upstream, client] as const]) {
      sockets.add(socket);
      // A broken connection is what the tests are about.
      socket.on("error", () => {});
      socket.on("close", () => {
        sockets.delete(socket);
        other.destroy();
      });
    }
    client.on("data", (chunk) => isSilent || upstream.write(chunk));
    upstream.on("data", (chunk) => isDeaf || isSilent || client.write(chunk));
  });

  const listen = async (port: number) => {
    isDeaf = false;
    isSilent = false;
    if (server.listening) return;
    server.listen(port, "127.0.0.1");
    await once(server, "listening");
  };
  const cut = async () => {
    if (!server.listening) return;
    const closed = once(server, "close");
    server.close();
    for (const socket of sockets) socket.resetAndDestroy();
    await closed;
  };

  await listen(0);
  const { port } = server.address() as AddressInfo;
  const proxied = new URL(serverUrl);
  proxied.port = String(port);
  return {
    url: proxied.href,
    deafen: () => void (isDeaf = true),
    silence: () => void (isSilent = true),
    cut,
    restore: () => listen(port),
    [Symbol.asyncDispose]: cut,
  };
}
