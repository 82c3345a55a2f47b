import { readFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { expect, test, vi } from "vitest";
import { simpleConfig } from "./testing/gateway.ts";
import { startGatewayProcess } from "./testing/gateway-process.ts";

// It starts a process.
vi.setConfig({ testTimeout: 120_000 });

const clients = 1_000;

/** How many connections a Linux system lets wait; 0 elsewhere. */
function systemBound(): number {
  try {
    return Number(readFileSync("/proc/sys/net/core/somaxconn", "utf8"));
  } catch {
    return 0;
  }
}

test.skipIf(systemBound() < clients)(
  "a thousand clients that come while the process is busy are all let wait, and none is made to try again",
  async () => {
    await using gateway = await startGatewayProcess(simpleConfig("http://127.0.0.1:9"));
    const { hostname, port } = new URL(gateway.url);
    // As busy as can be.
    void gateway.stop("SIGSTOP");
    const sockets: Socket[] = [];
    let connected = 0;

    const come = () =>
      connect(Number(port), hostname, () => (connected += 1)).on("error", () => undefined);
    for (let index = 0; index < clients; index += 1) sockets.push(come());

    try {
      await expect.poll(() => connected, { timeout: 20_000 }).toBe(clients);
      void gateway.stop("SIGCONT");
      const answer = await fetch(`${gateway.url}/health/liveness`);
      expect(answer.status).toBe(200);
    } finally {
      for (const socket of sockets) socket.destroy();
    }
  },
);
