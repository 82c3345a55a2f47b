import type { ServerResponse } from "node:http";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { EventReader, EventSource, ModelEvent } from "../model-event.ts";
import { type FakeUpstream, openStream, startUpstream } from "../../testing/fake-upstream.ts";
import { aiSdk } from "./ai-sdk.ts";
import { answerOf, ask, limits, readAll, settings, streamed, whole } from "./fixtures/reading.ts";

let upstream: FakeUpstream;

beforeAll(async () => {
  upstream = await startUpstream();
  const opened = await open();
  // The first call of a process loads what calls are made with, which takes longer than the times below.
  await opened.prepareChat(ask(), whole)(limits());
});
afterAll(() => upstream.close());

function open(apiBase = upstream.url) {
  return aiSdk.open(settings({ model: "openai-compatible/some/model", apiBase }));
}

function piece(delta: unknown, finish_reason: string | null = null): string {
  const choices = [{ index: 0, delta, finish_reason }];
  return `data: ${JSON.stringify({ id: "chatcmpl-1", object: "chat.completion.chunk", created: 1, model: "m", choices })}\n\n`;
}

/** Answers with one piece, and leaves the rest to the test. */
function answerAndHold(...pieces: string[]): Promise<ServerResponse> {
  return new Promise((resolve) => {
    upstream.answer((_call, response) => {
      openStream(response, piece({ role: "assistant", content: "Hi" }), ...pieces);
      resolve(response);
    });
  });
}

async function chatSource(fields: Parameters<typeof limits>[0] = {}): Promise<EventSource> {
  const opened = await open();
  return answerOf(await opened.prepareChat(ask(), streamed)(limits(fields))).answer;
}

test.each([
  ["streamed", streamed],
  ["whole", whole],
])("no head in time is a timeout of a %s answer, and the call ends", async (_name, target) => {
  upstream.answer(() => undefined);
  const opened = await open();
  const outcome = await opened.prepareChat(ask(), target)(limits({ timeoutMs: 300 }));
  expect(outcome).toMatchObject({ kind: "failed", failure: { kind: "timeout" } });
  expect(await upstream.calls.at(-1)?.closed).toMatchObject({ wasComplete: false });
});

test("no next piece in time is a timeout, after what had come", async () => {
  void answerAndHold();
  const { events, failure } = await readAll(await chatSource({ timeoutMs: 300 }));
  expect(events.at(-1)).toEqual({ type: "text-delta", text: "Hi" });
  expect(failure).toMatchObject({ kind: "timeout" });
  expect(await upstream.calls.at(-1)?.closed).toMatchObject({ wasComplete: false });
});

test("pieces that say nothing are signs of life", async () => {
  const held = answerAndHold();
  const reading = readAll(await chatSource({ timeoutMs: 400 }));
  const response = await held;
  for (let count = 0; count < 6; count += 1) {
    await new Promise((resolve) => setTimeout(resolve, 100));
    response.write(piece({}));
  }
  response.end(piece({ content: "!" }, "stop"));
  expect(await reading).toMatchObject({ failure: undefined });
});

test.each(["abort", "signal"])("by %s a call ends at once, upstream included", async (way) => {
  void answerAndHold();
  const client = new AbortController();
  const source = await chatSource({ signal: client.signal });
  const reading = readAll(source);
  if (way === "abort") source.abort();
  else client.abort();
  expect(await reading).toMatchObject({ failure: { kind: "aborted" } });
  expect(await upstream.calls.at(-1)?.closed).toMatchObject({ wasComplete: false });
});

test("a call that is aborted before it is read says so to its reader", async () => {
  void answerAndHold();
  const source = await chatSource();
  source.abort();
  expect(await upstream.calls.at(-1)?.closed).toMatchObject({ wasComplete: false });
  expect(await readAll(source)).toEqual({
    events: [],
    failure: { kind: "aborted", reason: "client gone" },
  });
});

test("a client that is gone before the call leaves nothing to call for", async () => {
  const opened = await open();
  const outcome = await opened.prepareChat(
    ask(),
    streamed,
  )(limits({ signal: AbortSignal.abort() }));
  expect(outcome).toMatchObject({ kind: "failed", failure: { kind: "aborted" } });
});

test("an upstream that hangs up is broken, before its head and within its answer", async () => {
  upstream.answer((_call, response) => void response.destroy());
  const opened = await open();
  expect(await opened.prepareChat(ask(), streamed)(limits())).toMatchObject({
    kind: "failed",
    failure: { kind: "broken", reason: "UND_ERR_SOCKET" },
  });

  const held = answerAndHold();
  const reading = readAll(await chatSource());
  (await held).destroy();
  expect(await reading).toMatchObject({ failure: { kind: "broken", reason: "UND_ERR_SOCKET" } });
});

test("nobody there is unreachable", async () => {
  const gone = await startUpstream();
  await gone.close();
  const opened = await open(gone.url);
  expect(await opened.prepareChat(ask(), whole)(limits())).toEqual({
    kind: "failed",
    failure: { kind: "unreachable", reason: "ECONNREFUSED" },
  });
});

test("an answer that is no answer of the vendor's is broken", async () => {
  upstream.answer((_call, response) => void response.end("<html>"));
  const opened = await open();
  expect(await opened.prepareChat(ask(), whole)(limits())).toMatchObject({
    kind: "failed",
    failure: { kind: "broken" },
  });
});

test("a reader that pauses is not hurried, and lets the upstream wait", async () => {
  const text = "x".repeat(64 * 1024);
  let sent = 0;
  upstream.answer(async (_call, response) => {
    openStream(response.setMaxListeners(0));
    while (sent < 2000 && !response.destroyed) {
      sent += 1;
      if (!response.write(piece({ content: text })))
        await new Promise((resolve) => response.once("drain", resolve).once("close", resolve));
    }
  });
  const source = await chatSource({ timeoutMs: 300 });
  const reader = new PausingReader();
  source.read(reader);
  await new Promise((resolve) => setTimeout(resolve, 700));
  expect(reader.events.filter(({ type }) => type === "text-delta").length).toBe(1);
  expect(sent).toBeLessThan(1000);

  const stalled = sent;
  reader.flow();
  await expect.poll(() => sent).toBeGreaterThan(stalled);
  source.abort();
  expect(await reader.failed).toMatchObject({ kind: "aborted" });
});

test("a reader that pauses hears of an abort all the same", async () => {
  void answerAndHold();
  const source = await chatSource();
  const reader = new PausingReader();
  source.read(reader);
  await expect.poll(() => reader.events.length).toBeGreaterThan(0);
  source.abort();
  expect(await reader.failed).toMatchObject({ kind: "aborted" });
});

/** Asks for a pause after each text, until it is told to let all of it flow. */
class PausingReader implements EventReader {
  readonly events: ModelEvent[] = [];
  readonly failed: Promise<unknown>;
  #isFlowing = false;
  #resume: (() => void) | undefined;
  #fail: (failure: unknown) => void = () => undefined;

  constructor() {
    this.failed = new Promise((resolve) => {
      this.#fail = resolve;
    });
  }

  onData(events: readonly ModelEvent[], resume: () => void): boolean {
    this.events.push(...events);
    this.#resume = resume;
    return this.#isFlowing || events.every(({ type }) => type === "start");
  }

  onEnd(): void {
    this.#fail(undefined);
  }

  onFailure(failure: unknown): void {
    this.#fail(failure);
  }

  flow(): void {
    this.#isFlowing = true;
    this.#resume?.();
  }
}
