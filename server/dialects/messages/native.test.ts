import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { EscapedText } from "../../wire/escaped-text.ts";
import { SseEvents } from "../../wire/sse-events.ts";
import type { NativeEvent } from "../dialect.ts";
import { failedStream, textStream, toolStream } from "./fixtures/streams.ts";
import { native } from "./native.ts";

/** What is read of a stream, event by event. The model's name is what its span holds. */
function read(stream: string) {
  const text = new EscapedText();
  const readEvent = native.createReader();
  const events: (Omit<NativeEvent, "model"> & { model: string | undefined })[] = [];
  new SseEvents().push(Buffer.from(stream), (bytes, start, end) => {
    const event = readEvent(bytes, { start, end }, text);
    const model = event.model && bytes.toString("utf8", event.model.start, event.model.end);
    events.push({ ...event, model });
  });
  return { events, text: text.toString() };
}

describe("a stream that passes through", () => {
  test("tells its model at the start, its end at the end, and what was generated in between", () => {
    const { events, text } = read(textStream);

    expect(events.map(({ model }) => model).filter(Boolean)).toEqual([
      '"claude-sonnet-5-20260612"',
    ]);
    expect(events.map(({ isDone }) => isDone)).toEqual([...Array(7).fill(false), true]);
    expect(events.some(({ isError, isUsageOnly }) => isError || isUsageOnly)).toBe(false);
    expect(text).toBe('Say "hi"\nto 世界');
  });

  test("reports at the start what went in, and at the end the totals of both reports", () => {
    const { events } = read(textStream);

    expect(events.map(({ usage }) => usage?.output).filter(Boolean)).toEqual([1, 12]);
    expect(events[6]?.usage).toEqual({
      input: 3,
      cache_read: 18_000,
      cache_write: 200,
      cache_write_1h: 1_000,
      input_audio: 0,
      output: 12,
      reasoning: 0,
      output_audio: 0,
    });
  });

  test("may leave out at the end what it reported at the start", () => {
    expect(read(toolStream).events.at(-2)?.usage).toMatchObject({
      input: 377,
      output: 89,
      reasoning: 40,
    });
  });

  test("counts thoughts, and names and arguments of calls, as generated", () => {
    expect(read(toolStream).text).toBe('The weather.get_weather{"city": "Paris"}');
  });

  test("that fails says so, and is never done", () => {
    const { events } = read(failedStream);

    expect(events.map(({ isError }) => isError)).toEqual([false, true]);
    expect(events.some(({ isDone }) => isDone)).toBe(false);
  });

  test("does not mix its reports up with another's", () => {
    read(textStream);
    expect(read(toolStream).events[0]?.usage).toMatchObject({ cache_read: 0, cache_write_1h: 0 });
  });

  test("may hold anything, and nothing is thrown", () => {
    const odd = fc.oneof(
      fc.string().map((text) => text.replaceAll("\n", "")),
      fc.json(),
      fc
        .record({ type: fc.string(), message: fc.jsonValue(), usage: fc.jsonValue() })
        .map((event) => JSON.stringify(event)),
      fc
        .record({ delta: fc.jsonValue(), content_block: fc.jsonValue() }, { requiredKeys: [] })
        .map((event) => JSON.stringify(event)),
    );
    fc.assert(
      fc.property(fc.array(odd), (events) => {
        read(events.map((data) => `event: x\ndata: ${data}\n\n`).join(""));
      }),
    );
  });

  test("that lacks its end has broken off", () => {
    expect(native.missingEnd).toBeUndefined();
  });
});

describe("a whole reply that passes through", () => {
  test("has been generated: texts, thoughts and calls", () => {
    const body = {
      content: [
        { type: "thinking", thinking: "Hm. ", signature: "c2ln" },
        { type: "text", text: "Look: " },
        { type: "tool_use", id: "toolu_1", name: "now", input: { zone: "UTC" } },
      ],
    };

    expect(native.generatedText(Buffer.from(JSON.stringify(body)))).toBe(
      'Hm. Look: now{"zone":"UTC"}',
    );
  });

  test.each(["", "null", "[]", '{"content":{}}', '{"content":[null,1,{"text":2}]}'])(
    "may be no reply: %j",
    (body) => {
      expect(native.generatedText(Buffer.from(body))).toBe("");
    },
  );
});

describe("usage", () => {
  test("has tokens that were written to a cache for an hour apart", () => {
    expect(
      native.readUsage({
        input_tokens: 5,
        output_tokens: 7,
        cache_creation_input_tokens: 100,
        cache_creation: { ephemeral_5m_input_tokens: 40, ephemeral_1h_input_tokens: 60 },
      }),
    ).toMatchObject({ input: 5, output: 7, cache_write: 40, cache_write_1h: 60 });
  });

  test("never counts a written token twice", () => {
    expect(
      native.readUsage({
        input_tokens: 5,
        output_tokens: 7,
        cache_creation_input_tokens: 50,
        cache_creation: { ephemeral_1h_input_tokens: 60 },
      }),
    ).toMatchObject({ cache_write: 0, cache_write_1h: 50 });
  });

  test.each([
    undefined,
    null,
    [],
    {},
    { input_tokens: 1 },
    { input_tokens: -1, output_tokens: 1 },
    { input_tokens: "1", output_tokens: 1 },
  ])("is none in %j", (reported) => {
    expect(native.readUsage(reported)).toBeUndefined();
  });
});
