import { once } from "node:events";
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { collect } from "./body.ts";
import { Transport } from "./call.ts";

/** The head of what an upstream on loopback answers. */
async function answered(listener: RequestListener) {
  const server = createServer(listener).listen(0, "127.0.0.1");
  await once(server, "listening");
  const transport = new Transport();
  const { port } = server.address() as AddressInfo;
  const answer = await transport.send(
    `http://127.0.0.1:${port}`,
    { path: "/", headers: [], body: Buffer.from("{}"), timeoutMs: 5_000 },
    () => undefined,
  );
  if (!("status" in answer)) throw new Error(answer.reason);
  const close = async () => {
    await transport.close();
    server.close();
  };
  return { answer, [Symbol.asyncDispose]: close };
}

test("a body that came with its head is there at once", async () => {
  await using upstream = await answered((_request, response) => response.end("all of it"));

  expect(collect(upstream.answer, 9)).toEqual(Buffer.from("all of it"));
});

test("one that comes in pieces is there when the last has come", async () => {
  await using upstream = await answered(async (_request, response) => {
    for (const piece of ["first, ", "second, ", "third"]) {
      response.write(piece);
      await sleep(20);
    }
    response.end();
  });
  const body = collect(upstream.answer, 100);

  expect(body).toBeInstanceOf(Promise);
  expect(await body).toEqual(Buffer.from("first, second, third"));
});

test.each([["at once"], ["in pieces"]])(
  "one that is too large, %s, is broken, and the upstream need not go on",
  async (how) => {
    let isHeard: Promise<unknown> | undefined;
    await using upstream = await answered(async (_request, response) => {
      isHeard = once(response, "close");
      response.write("x".repeat(how === "at once" ? 101 : 1));
      await sleep(20);
      response.write("x".repeat(100));
    });

    expect(await collect(upstream.answer, 100)).toEqual({
      kind: "broken",
      reason: "answer of more than 100 bytes",
    });
    await isHeard;
  },
);

test("one that breaks off is a failure, with what it was that broke", async () => {
  await using upstream = await answered((_request, response) => {
    response.write("half of");
    setTimeout(() => response.destroy(), 20);
  });

  expect(await collect(upstream.answer, 100)).toEqual({ kind: "broken", reason: "UND_ERR_SOCKET" });
});
