import { readFileSync } from "node:fs";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { EscapedText } from "../../../wire/escaped-text.ts";
import { SseEvents } from "../../../wire/sse-events.ts";
import type { NativeEvent } from "../../dialect.ts";
import { native } from "./native-format.ts";

const fixture = (name: string) => readFileSync(new URL(`../fixtures/${name}`, import.meta.url));

interface Seen extends Omit<NativeEvent, "model"> {
  /** In place of where it stands. */
  readonly model: unknown;
}

function read(stream: Buffer | string): { seen: Seen[]; text: string } {
  const reader = native.createReader();
  const text = new EscapedText();
  const seen: Seen[] = [];
  new SseEvents().push(Buffer.from(stream), (bytes, start, end) => {
    const { model, ...event } = reader(bytes, { start, end }, text);
    const name = model && JSON.parse(bytes.toString("utf8", model.start, model.end));
    seen.push({ ...event, model: name });
  });
  return { seen, text: text.toString() };
}

function readOne(event: unknown): Seen | undefined {
  return read(`data: ${JSON.stringify(event)}\n\n`).seen[0];
}

const usage = {
  input: 209,
  cache_read: 128,
  cache_write: 0,
  cache_write_1h: 0,
  input_audio: 0,
  output: 60,
  reasoning: 21,
  output_audio: 0,
};

const generated = '**Greeting**Hi there "you"\n– 🙂{"model":"T"}';

describe("a stream of OpenAI's", () => {
  const { seen, text } = read(fixture("native-stream.txt"));

  test("tells what was generated, once", () => {
    expect(text).toBe(generated);
  });

  test("names its model where the response is, and not where a tool has a model too", () => {
    const named = seen.flatMap(({ model }, index) => (model === undefined ? [] : [[index, model]]));
    const model = "gpt-5.2-2025-12-11";
    expect(named).toEqual([
      [0, model],
      [1, model],
      [seen.length - 1, model],
    ]);
  });

  test("is done with its last event, which has the usage", () => {
    expect(seen.map(({ isDone }) => isDone).indexOf(true)).toBe(seen.length - 1);
    expect(seen.filter((event) => event.usage)).toEqual([
      { isDone: true, isError: false, isUsageOnly: false, model: "gpt-5.2-2025-12-11", usage },
    ]);
  });
});

describe("an end", () => {
  const response = { usage: { input_tokens: 3, output_tokens: 4, total_tokens: 7 }, model: "m" };
  const told = { input: 3, output: 4 };

  test("is one that is incomplete, too", () => {
    expect(readOne({ type: "response.incomplete", response })).toMatchObject({
      isDone: true,
      isError: false,
      model: "m",
      usage: told,
    });
  });

  test("is none where it failed: that the client is to see as it comes", () => {
    expect(readOne({ type: "response.failed", response })).toMatchObject({
      isDone: false,
      isError: true,
      model: "m",
      usage: told,
    });
  });

  test.each([
    { type: "error", code: "server_error", message: "x", param: null, sequence_number: 3 },
    { error: { message: "x" } },
  ])("is none where there is an error: %j", (event) => {
    expect(readOne(event)).toMatchObject({ isDone: false, isError: true });
  });

  test("without usage has none", () => {
    expect(readOne({ type: "response.completed", response: { usage: null } })).toMatchObject({
      isDone: true,
      usage: undefined,
      model: undefined,
    });
  });
});

test("it does not matter where the type stands, nor what is said between events", () => {
  const { seen, text } = read(
    [
      ": ping\n\n",
      'event: keepalive\ndata: {"type":"keepalive","sequence_number":1}\n\n',
      'data: { "delta": "a", "item_id": "1", "type": "response.output_text.delta" }\r\n\r\n',
      'data: {"type":"response.custom_tool_call_input.delta","delta":"b\\"","x":"\\"delta\\":\\"no\\""}\n\n',
      'data: {"type":"response.audio.delta","delta":"UklGRg=="}\n\n',
      'id: 4\ndata: {"response":{"model":"m"},"type":"response.completed"}\n\n',
    ].join(""),
  );
  expect(text).toBe('ab"');
  expect(seen.map(({ isDone }) => isDone)).toEqual([false, false, false, false, false, true]);
});

test("nothing that an upstream sends makes it throw", () => {
  const types = fc.constantFrom(
    "response.completed",
    "response.failed",
    "response.output_text.delta",
    "error",
    "",
  );
  const event = fc
    .record({
      type: fc.oneof(types, fc.jsonValue()),
      response: fc.oneof(
        fc.jsonValue(),
        fc.record({ model: fc.jsonValue(), usage: fc.jsonValue() }),
      ),
      delta: fc.jsonValue(),
    })
    .map((value) => JSON.stringify(value));
  const cut = fc.tuple(event, fc.nat(200)).map(([json, length]) => json.slice(0, length));
  fc.assert(
    fc.property(fc.oneof(event, cut, fc.string()), (payload) => {
      const bytes = Buffer.from(`data: ${payload}\n\n`);
      native.createReader()(bytes, { start: 0, end: bytes.length }, new EscapedText());
      native.generatedText(Buffer.from(payload));
    }),
  );
});

describe("a whole reply", () => {
  const body = fixture("native-reply.json");

  test("has the usage, in buckets that do not overlap", () => {
    expect(native.readUsage(JSON.parse(body.toString()).usage)).toEqual(usage);
  });

  test("has what was generated", () => {
    expect(native.generatedText(body)).toBe('**Greeting**Hi there "you"\n– 🙂get_car{"model":"T"}');
  });
});

describe("usage", () => {
  test("of a cache that was written is a bucket of its own", () => {
    const reported = {
      input_tokens: 100,
      input_tokens_details: { cached_tokens: 40, cache_write_tokens: 20 },
      output_tokens: 10,
      output_tokens_details: { reasoning_tokens: 99 },
      total_tokens: 110,
    };
    expect(native.readUsage(reported)).toMatchObject({
      input: 40,
      cache_read: 40,
      cache_write: 20,
      output: 10,
      reasoning: 10,
    });
  });

  test.each([
    undefined,
    null,
    {},
    { total_tokens: 5 },
    { prompt_tokens: 5, completion_tokens: 1 },
    { input_tokens: "5", output_tokens: 1 },
    { input_tokens: 5, output_tokens: -1 },
  ])("that does not say what was consumed (%j) is none", (reported) => {
    expect(native.readUsage(reported)).toBeUndefined();
  });
});
