/** The load generator, a process of its own: each message is an order, each answer what came of it. */
import { connect } from "node:net";
import { ReplyReader } from "./reply-reader.ts";

export interface LoadOrder {
  port: number;
  key: string;
  body: string;
  stream: boolean;
  connections: number;
  /** When to begin no more calls; those under way are finished and counted. */
  until: { seconds: number } | { calls: number };
}

export interface LoadResult {
  calls: number;
  failures: number;
  firstFailure: string;
  seconds: number;
  p50Ms: number;
}

interface Run {
  order: LoadOrder;
  requestBytes: Buffer;
  mayCall: () => boolean;
  latenciesMs: number[];
  failures: string[];
}

const silenceMs = 30_000;

process.on("disconnect", () => process.exit());
process.on(
  "message",
  (order: LoadOrder) => void carryOut(order).then((result) => process.send?.(result)),
);

async function carryOut(order: LoadOrder): Promise<LoadResult> {
  const run: Run = {
    order,
    requestBytes: requestBytes(order),
    mayCall: allowance(order),
    latenciesMs: [],
    failures: [],
  };
  const startedAt = performance.now();
  await Promise.all(Array.from({ length: order.connections }, () => keepCalling(run)));
  const seconds = (performance.now() - startedAt) / 1000;
  const sorted = Float64Array.from(run.latenciesMs).toSorted();
  return {
    calls: sorted.length,
    failures: run.failures.length,
    firstFailure: run.failures[0] ?? "",
    seconds,
    p50Ms: sorted[sorted.length >> 1] ?? Number.NaN,
  };
}

function allowance({ until }: LoadOrder): () => boolean {
  if ("seconds" in until) {
    const deadline = performance.now() + until.seconds * 1000;
    return () => performance.now() < deadline;
  }
  let left = until.calls;
  return () => left-- > 0;
}

function keepCalling(run: Run): Promise<void> {
  return new Promise((resolve) => {
    const socket = connect({ port: run.order.port, host: "127.0.0.1", noDelay: true });
    let reply = new ReplyReader();
    let calledAt = 0;
    let failure = "the connection was closed during a call";
    const callAgain = () => {
      if (!run.mayCall()) {
        failure = "";
        socket.destroy();
        return;
      }
      reply = new ReplyReader();
      calledAt = performance.now();
      socket.write(run.requestBytes);
    };
    socket.setTimeout(silenceMs, () => {
      failure = `no byte for ${silenceMs} ms`;
      socket.destroy();
    });
    socket.on("connect", callAgain);
    socket.on("data", (piece) => {
      reply.push(piece);
      if (!reply.done) return;
      count(run, reply, performance.now() - calledAt);
      callAgain();
    });
    socket.on("error", (error) => (failure = error.message));
    socket.on("close", () => {
      if (failure !== "") run.failures.push(failure);
      resolve();
    });
  });
}

function count(run: Run, reply: ReplyReader, latencyMs: number): void {
  if (reply.status !== 200) run.failures.push(`status ${reply.status}`);
  else if (run.order.stream && !reply.saidDone) run.failures.push("a stream ended without [DONE]");
  else run.latenciesMs.push(latencyMs);
}

function requestBytes({ port, key, body }: LoadOrder): Buffer {
  const head = [
    "POST /v1/chat/completions HTTP/1.1",
    `host: 127.0.0.1:${port}`,
    `authorization: Bearer ${key}`,
    "content-type: application/json",
    `content-length: ${Buffer.byteLength(body)}`,
  ];
  return Buffer.from(`${head.join("\r\n")}\r\n\r\n${body}`);
}
