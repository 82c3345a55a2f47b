import * as fc from "fast-check";
import { expect, test } from "vitest";
import { encodeQuery, FrontendFramer, readReply } from "./wire-protocol.ts";

const startup = message("", Buffer.concat([integer(196608), Buffer.from("user\0postgres\0\0")]));
const sslRequest = message("", integer(80877103));

const tagged = fc
  .tuple(fc.constantFrom("P", "B", "D", "E", "S", "Q", "H"), fc.uint8Array({ maxLength: 40 }))
  .map(([type, body]) => message(type, body));

test("however the stream is torn, the same messages come out", () => {
  fc.assert(
    fc.property(fc.array(tagged), fc.array(fc.nat()), (messages, cuts) => {
      const stream = Buffer.concat([sslRequest, startup, ...messages]);
      const framer = new FrontendFramer();
      const out = pieces(stream, cuts).flatMap((piece) => framer.push(piece));
      expect(out.map(({ bytes }) => Buffer.from(bytes))).toEqual([
        sslRequest,
        startup,
        ...messages,
      ]);
      expect(out.map(({ type }) => type)).toEqual([
        "encryption-request",
        "startup",
        ...messages.map((bytes) => bytes.toString("latin1", 0, 1)),
      ]);
    }),
  );
});

test("a request to cancel is told apart from a start", () => {
  const cancel = message("", Buffer.concat([integer(80877102), integer(1), integer(2)]));
  expect(new FrontendFramer().push(cancel)).toMatchObject([{ type: "cancel-request" }]);
});

test.each([
  ["a length that cannot hold itself", Buffer.from([0, 0, 0, 3, 0, 0, 0, 0])],
  ["another protocol", Buffer.from("GET / HTTP/1.1\r\n")],
  ["an unknown protocol version", message("", integer(131072))],
])("%s is refused, or waited for, but never taken for a message", (_what, bytes) => {
  const framer = new FrontendFramer();
  const outcome = () => framer.push(bytes);
  if (bytes.readInt32BE(0) > bytes.length) expect(outcome()).toEqual([]);
  else expect(outcome).toThrow(RangeError);
});

test("notifications are taken out of a reply, and its last status is known", () => {
  const [row, notification, ready] = [
    message("D", Buffer.from("row")),
    message("A", Buffer.from("channel")),
    message("Z", Buffer.from("T")),
  ];
  const reply = readReply(Buffer.concat([row, notification, ready]));
  expect(Buffer.from(reply.own)).toEqual(Buffer.concat([row, ready]));
  expect(reply.notifications.map((bytes) => Buffer.from(bytes))).toEqual([notification]);
  expect(reply.status).toBe("T");
});

test("a reply that ends at a Flush has no status", () => {
  expect(readReply(message("1", Buffer.alloc(0))).status).toBeUndefined();
});

test("a query with letters beyond ASCII has its length in bytes", () => {
  expect(Buffer.from(encodeQuery("é")).readInt32BE(1)).toBe(4 + 2 + 1);
});

function message(type: string, body: Uint8Array): Buffer {
  return Buffer.concat([Buffer.from(type), integer(4 + body.length), body]);
}

function integer(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
}

function pieces(stream: Buffer, cuts: number[]): Buffer[] {
  const places = cuts.map((cut) => cut % (stream.length + 1)).toSorted((a, b) => a - b);
  const ends = [...places, stream.length];
  return ends.map((end, index) => stream.subarray(ends[index - 1] ?? 0, end));
}
