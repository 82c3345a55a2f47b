import { readdirSync } from "node:fs";
import { join } from "node:path";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { packageRoot } from "../package.ts";
import { recorded } from "../testing/recorded.ts";
import type { Adapter } from "./adapter.ts";
import { anthropic } from "./anthropic/adapter.ts";
import type { CallFailure, Reader } from "./source.ts";
import { decodeAnswer } from "./decode-answer.ts";
import { gemini } from "./gemini/adapter.ts";
import type { ModelEvent } from "./model-event.ts";
import { openAiChat } from "./openai-chat/adapter.ts";

const adapters: Readonly<Record<string, Adapter>> = {
  anthropic,
  gemini,
  "openai-chat": openAiChat({ unsupported: [] }),
};

const fixtures = Object.keys(adapters).flatMap((provider) =>
  readdirSync(join(packageRoot, "server/providers", provider, "fixtures"))
    .filter((file) => file.endsWith(".sse"))
    .map((file) => ({ provider, name: `${provider}/${file}` })),
);

/** What is read of a stream that arrives in these pieces, and how it ended. */
async function read(adapter: Adapter, pieces: readonly Buffer[]) {
  const events: ModelEvent[] = [];
  const answer = {
    status: 200,
    headers: { "content-type": "text/event-stream" },
    read(reader: Reader<Buffer>) {
      for (const piece of pieces) reader.onData(piece, () => undefined);
      reader.onEnd();
    },
    abort: () => undefined,
  };
  const failure = await new Promise<CallFailure | undefined>((resolve) => {
    decodeAnswer(answer, adapter, true).read({
      onData(some) {
        events.push(...some);
        return true;
      },
      onEnd: () => resolve(undefined),
      onFailure: resolve,
    });
  });
  return { events, failure };
}

function cut(bytes: Buffer, places: readonly number[]): Buffer[] {
  const ends = [...new Set(places)].toSorted((left, right) => left - right);
  return [0, ...ends].map((start, index) => bytes.subarray(start, ends[index] ?? bytes.length));
}

describe.each(fixtures)("$name", ({ provider, name }) => {
  const adapter = adapters[provider] as Adapter;
  const bytes = Buffer.from(recorded(name));

  test("says the same wherever its bytes are cut in two", async () => {
    const whole = await read(adapter, [bytes]);
    expect(whole.events.length).toBeGreaterThan(0);
    for (let place = 1; place < bytes.length; place += 1)
      expect(await read(adapter, cut(bytes, [place]))).toEqual(whole);
  });

  test("and however often", async () => {
    const whole = await read(adapter, [bytes]);
    const places = fc.array(fc.nat(bytes.length), { maxLength: 40 });
    await fc.assert(
      fc.asyncProperty(places, async (some) => {
        expect(await read(adapter, cut(bytes, some))).toEqual(whole);
      }),
      { numRuns: 30 },
    );
  });

  test("never says that it is finished before it is, however early it stops", async () => {
    const { events } = await read(adapter, [bytes]);
    const ends = events.filter(({ type }) => type === "finish" || type === "error");
    expect(ends.length).toBeLessThanOrEqual(1);
    const half = await read(adapter, [bytes.subarray(0, Math.floor(bytes.length / 2))]);
    expect(half.events).toEqual(events.slice(0, half.events.length));
  });
});

test("an event that is not JSON ends the stream as a failure, once", async () => {
  const stream = Buffer.from('data: {"type":"ping"}\n\ndata: {oops\n\ndata: {"type":"ping"}\n\n');

  expect(await read(anthropic, [stream])).toMatchObject({
    failure: { kind: "foreign", reason: "an event that is not JSON" },
  });
});

test("what a decoder throws is a failure of the answer, not of the process", async () => {
  const poisoned: Adapter = {
    ...anthropic,
    decodeReply() {
      throw new RangeError("Maximum call stack size exceeded");
    },
    createDecoder: () => () => {
      throw new RangeError("Maximum call stack size exceeded");
    },
  };
  const event = Buffer.from('data: {"type":"ping"}\n\n');
  const failure = { kind: "foreign", reason: "Maximum call stack size exceeded" };

  expect(await read(poisoned, [event, event])).toMatchObject({ failure });
  const whole = await new Promise((resolve) => {
    const answer = {
      status: 200,
      headers: {},
      read(reader: Reader<Buffer>) {
        reader.onData(Buffer.from("{}"), () => undefined);
        reader.onEnd();
      },
      abort: () => undefined,
    };
    decodeAnswer(answer, poisoned, false).read({
      onData: () => true,
      onEnd: () => resolve(undefined),
      onFailure: resolve,
    });
  });
  expect(whole).toEqual(failure);
});
