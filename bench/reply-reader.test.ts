import { expect, test } from "vitest";
import { ReplyReader } from "./reply-reader.ts";

const whole = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: keep-alive\r\n\r\nhello";
const events = ["data: {}\n\n", "data: [DONE]\n\n", ""];
const chunks = events.map((event) => `${event.length.toString(16)}\r\n${event}\r\n`).join("");
const stream = `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${chunks}`;

function readInTwo(reply: string, cutAt: number): { early: boolean; reader: ReplyReader } {
  const reader = new ReplyReader();
  reader.push(Buffer.from(reply.slice(0, cutAt)));
  const early = reader.done;
  reader.push(Buffer.from(reply.slice(cutAt)));
  return { early, reader };
}

for (const [name, reply, saidDone] of [
  ["whole", whole, false],
  ["streamed", stream, true],
] as const) {
  test(`a ${name} reply ends with its last byte, wherever it was cut`, () => {
    for (let cutAt = 1; cutAt < reply.length; cutAt += 1) {
      const { early, reader } = readInTwo(reply, cutAt);
      expect({ cutAt, early, done: reader.done }).toEqual({ cutAt, early: false, done: true });
      expect(reader).toMatchObject({ status: 200, saidDone });
    }
  });
}

test("a stream that breaks off is not taken for one that was told to its end", () => {
  const reader = new ReplyReader();
  reader.push(Buffer.from(stream.replace("data: [DONE]", 'data: {"a":1}')));
  expect(reader.saidDone).toBe(false);
});

test("an empty chunked reply ends", () => {
  const reader = new ReplyReader();
  reader.push(Buffer.from("HTTP/1.1 500 Oops\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n"));
  expect(reader).toMatchObject({ status: 500, done: true });
});
