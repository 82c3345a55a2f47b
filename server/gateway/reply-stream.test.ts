import type { ServerResponse } from "node:http";
import { Writable } from "node:stream";
import * as fc from "fast-check";
import { expect, test } from "vitest";
import type { Attempt, Call } from "./call.ts";
import { endpoints } from "./endpoints.ts";
import { StreamReply } from "./reply-stream.ts";

const attempt = {
  deployment: { secrets: [] as readonly string[] },
  sentHeaders: [],
} as unknown as Attempt;

function replyTo(response: Writable, showsUsage: boolean): StreamReply {
  const call = {
    endpoint: endpoints[0],
    response: response as unknown as ServerResponse,
    showsUsage,
    asked: "gpt",
  } as Call;
  return new StreamReply(call, attempt, Buffer.from('"gpt"'));
}

/** Passes slices of a stream on as they would come from a socket, and returns what a client gets and what was read of it. */
async function pass(slices: readonly Buffer[], showsUsage = false) {
  const received: Buffer[] = [];
  const response = new Writable({
    write(bytes: Buffer, _encoding, written) {
      received.push(bytes);
      written();
    },
  });
  const reply = replyTo(response, showsUsage);
  for (const slice of slices) reply.onData(slice, () => undefined);
  reply.onEnd();
  const { tail = "", firstByteAtMs: _at, usageSoFar: _soFar, ...end } = await reply.finished;
  return { text: Buffer.concat(received).toString() + tail.toString(), end };
}

function cut(text: string, places: readonly number[]): Buffer[] {
  const bytes = Buffer.from(text);
  const ends = [...new Set(places.map((place) => place % (bytes.length + 1)))].toSorted(
    (left, right) => left - right,
  );
  return [0, ...ends].map((start, index) => bytes.subarray(start, ends[index] ?? bytes.length));
}

const usage = { prompt_tokens: 3, completion_tokens: 2, total_tokens: 5 };

/** Events as upstreams send them. `model` is what is to change; `said` is what they generate. */
const events = fc.array(
  fc.oneof(
    fc.string({ unit: "grapheme", maxLength: 8 }).map((said) => ({
      said,
      write: (model: string) =>
        `data: {"id":1.0,"model" : "${model}","choices":[{"index":0,"delta":{"content":${JSON.stringify(said)}}}],"usage":null}`,
    })),
    fc
      .constantFrom(
        ": OPENROUTER PROCESSING",
        ":",
        "event: ping\ndata: {}",
        "retry: 10",
        'id: 7\ndata:{"choices":[]}',
        "data: ",
      )
      .map((line) => ({
        said: "",
        write: () => line,
      })),
  ),
);

const lineEnds = fc.constantFrom("\n", "\r\n");
const cuts = fc.array(fc.nat(), { maxLength: 20 });

test("wherever a stream is cut on its way, its events arrive whole, in order, with nothing but the model changed", async () => {
  await fc.assert(
    fc.asyncProperty(events, lineEnds, cuts, async (list, lineEnd, places) => {
      const stream = (model: string) =>
        [...list.map(({ write }) => write(model)), "data: [DONE]", ""]
          .join("\n\n")
          .replaceAll("\n", lineEnd);

      const { text, end } = await pass(cut(stream("gpt-real-2024"), places));

      expect(text).toBe(stream("gpt"));
      expect(end).toEqual({
        failure: undefined,
        usage: undefined,
        text: list.map(({ said }) => said).join(""),
      });
    }),
  );
});

test("wherever a stream is cut, its usage is read, and shown only to a client that asked", async () => {
  await fc.assert(
    fc.asyncProperty(events, cuts, fc.boolean(), async (list, places, showsUsage) => {
      const before = list.map(({ write }) => `${write("gpt")}\n\n`).join("");
      const told = `data: {"choices":[],"model":"gpt","usage":${JSON.stringify(usage)}}\n\n`;

      const { text, end } = await pass(cut(`${before}${told}data: [DONE]\n\n`, places), showsUsage);

      expect(text).toBe(`${before}${showsUsage ? told : ""}data: [DONE]\n\n`);
      expect(end.usage).toMatchObject({ input: 3, output: 2 });
    }),
  );
});

const manyByteStream = (model: string) =>
  `data: {"model":"${model}","choices":[{"delta":{"content":"ü😀"}}]}\r\n\r\n: c\n\ndata: [DONE]\n\n`;

test("a stream in single bytes is that stream", async () => {
  const bytes = Buffer.from(manyByteStream("gpt-real"));

  const { text } = await pass(Array.from(bytes, (_byte, at) => bytes.subarray(at, at + 1)));

  expect(text).toBe(manyByteStream("gpt"));
});

test("usage beside a last piece of text is read, and the text is shown to everybody", async () => {
  const event = `data: {"model":"gpt","choices":[{"index":0,"delta":{"content":"end"},"finish_reason":"stop"}],"usage":${JSON.stringify(usage)}}\n\n`;

  const { text, end } = await pass([Buffer.from(event)]);

  expect(text).toBe(`${event}data: [DONE]\n\n`);
  expect(end.usage).toMatchObject({ input: 3, output: 2 });
});

test.each([
  ["nothing at all", ""],
  ["blank lines", "\n\n\r\n\r\n"],
  ["no JSON", "data: {not json at all\n\n"],
  ["a text", 'data: "text"\n\n'],
  ["braces that do not close", 'data: {"choices":[{"delta":{"content":"a\n\n'],
  ["usage that is none", 'data: {"choices":[],"usage":{"prompt_tokens":"many"}}\n\n'],
])("a stream of %s goes through without harm", async (_what, stream) => {
  const { text, end } = await pass([Buffer.from(stream)]);

  expect(text).toBe(`${stream}data: [DONE]\n\n`);
  expect(end).toMatchObject({ failure: undefined, usage: undefined });
});

test("a fault of the gateway's own in mid-stream ends the stream once, as an error, and tells what was seen", async () => {
  const received: string[] = [];
  const response = new Writable({
    write(bytes: Buffer, _encoding, written) {
      received.push(bytes.toString());
      written();
    },
  });
  const reply = replyTo(response, true);
  const event = 'data: {"model":"gpt","choices":[{"delta":{"content":"Hi"}}]}\n\n';
  // Stands for whatever may be wrong with the next chunk.
  const poisoned = Object.assign(Buffer.from(event), {
    indexOf() {
      throw new Error("no such luck");
    },
  });

  reply.onData(Buffer.from(event), () => undefined);
  reply.onData(poisoned, () => undefined);
  reply.onData(Buffer.from(event), () => undefined);
  reply.onFailure({ kind: "aborted", reason: "client gone" });
  reply.onEnd();

  expect(await reply.finished).toMatchObject({
    failure: { kind: "broken", reason: "no such luck" },
    text: "Hi",
    tail: expect.stringMatching(/^data: {"error":.*}\n\n$/),
  });
  expect(received).toEqual([event]);
});

test.each(["broken", "timeout", "aborted"] as const)(
  "a stream that has told of an error failed of that, however it ends: %s",
  async (kind) => {
    const response = new Writable({ write: (_bytes, _encoding, written) => written() });
    const reply = replyTo(response, false);

    for (const type of ["overloaded_error", "another_error"])
      reply.onData(Buffer.from(`data: {"error":{"type":"${type}"}}\n\n`), () => undefined);
    reply.onFailure({ kind, reason: "the connection" });

    expect(await reply.finished).toMatchObject({
      failure: { kind: "broken", code: "overloaded_error" },
      tail: undefined,
    });
  },
);
