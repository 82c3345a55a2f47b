import { once } from "node:events";
import { createServer, type RequestListener } from "node:http";
import { type AddressInfo, connect } from "node:net";
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { writeChunk } from "./write-chunk.ts";

async function listening(listener: RequestListener) {
  const server = createServer(listener).listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const close = async () => {
    server.closeAllConnections();
    server.close();
  };
  return { port, url: `http://127.0.0.1:${port}`, [Symbol.asyncDispose]: close };
}

/** All that comes over one connection, until the server closes it. */
async function received(port: number, requests: string): Promise<string> {
  const socket = connect(port, "127.0.0.1");
  socket.write(requests);
  const parts: Buffer[] = [];
  for await (const part of socket) parts.push(part as Buffer);
  return Buffer.concat(parts).toString("latin1");
}

function nothing(): void {}

test("whatever the sizes of its chunks, a reply is what was written, and so is the next on its connection", async () => {
  let chunks: Buffer[] = [];
  await using server = await listening((_request, response) => {
    response.writeHead(200);
    for (const chunk of chunks) writeChunk(response, chunk, nothing);
    response.end("the end");
  });
  const sizes = fc.oneof(
    fc.integer({ min: 0, max: 300 }),
    fc.constantFrom(15, 16, 255, 256, 4_095, 4_096, 4_097, 70_000),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(sizes, { maxLength: 8 }), async (lengths) => {
      chunks = lengths.map((length, index) => Buffer.alloc(length, `${index}é`));
      const reply = await fetch(server.url);
      const expected = Buffer.concat([...chunks, Buffer.from("the end")]);
      expect(expected.equals(Buffer.from(await reply.arrayBuffer()))).toBe(true);
    }),
    { numRuns: 100 },
  );
});

test("a chunk is framed as HTTP has it, and the end of the reply is Node's", async () => {
  await using server = await listening((_request, response) => {
    response.writeHead(200);
    writeChunk(response, Buffer.from("sixteen letters!"), nothing);
    response.flushHeaders();
    writeChunk(response, Buffer.from("two"), nothing);
    response.end();
  });
  const host = `host: 127.0.0.1:${server.port}\r\n`;
  const said = await received(
    server.port,
    `GET / HTTP/1.1\r\n${host}\r\nGET / HTTP/1.1\r\n${host}connection: close\r\n\r\n`,
  );

  expect(said.split("HTTP/1.1 200 OK").map((reply) => reply.split("\r\n\r\n").slice(1))).toEqual([
    [],
    ["10\r\nsixteen letters!\r\n3\r\ntwo\r\n0", ""],
    ["10\r\nsixteen letters!\r\n3\r\ntwo\r\n0", ""],
  ]);
});

test("a client of HTTP/1.0, which knows no chunks, is sent the bytes alone", async () => {
  await using server = await listening((_request, response) => {
    response.writeHead(200);
    writeChunk(response, Buffer.from("one, "), nothing);
    writeChunk(response, Buffer.from("two"), nothing);
    response.end();
  });
  const said = await received(server.port, "GET / HTTP/1.0\r\n\r\n");

  expect(said.split("\r\n\r\n")[1]).toBe("one, two");
});

test("a client that does not read asks for a pause, and is gone on with when it reads", async () => {
  const taken: boolean[] = [];
  await using server = await listening((_request, response) => {
    response.writeHead(200);
    const chunk = Buffer.alloc(4_000, "x");
    do taken.push(writeChunk(response, chunk, () => response.end()));
    while (taken.at(-1) && taken.length < 100_000);
  });
  const reply = await fetch(server.url);
  const { length } = await reply.text();

  expect(taken.at(-1)).toBe(false);
  expect(length).toBe(taken.length * 4_000);
});

test("to a client that is gone nothing is written, and no pause is asked for", async () => {
  let isTaken: boolean | undefined;
  await using server = await listening((_request, response) => {
    response.writeHead(200);
    response.destroy();
    isTaken = writeChunk(response, Buffer.from("nobody hears this"), nothing);
  });
  await expect(fetch(server.url)).rejects.toThrow("fetch failed");

  expect(isTaken).toBe(true);
});
