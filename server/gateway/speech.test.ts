import { once } from "node:events";
import type { ServerResponse } from "node:http";
import { expect, test } from "vitest";
import { speechBytes } from "../testing/fake-media.ts";
import { type UpstreamCall } from "../testing/fake-upstream.ts";
import { expectError } from "../testing/gateway.ts";
import { startMediaGateway } from "../testing/media-gateway.ts";

const asked = { model: "voice", voice: "alloy", input: "Hi 😀" };

test("speech reaches the client byte for byte, with its type, and costs its characters", async () => {
  await using gateway = await startMediaGateway();

  const reply = await gateway.client.audio.speech.create(asked);

  expect(reply.headers.get("content-type")).toBe("audio/mpeg");
  // Four characters: an emoji is one, though JavaScript counts two.
  expect(reply.headers.get("x-litellm-response-cost")).toBe("0.00006");
  expect(reply.headers.get("x-litellm-model-group")).toBe("voice");
  expect(Buffer.from(await reply.arrayBuffer())).toEqual(speechBytes);
  expect(gateway.upstream.calls[0]?.body).toEqual({ ...asked, model: "tts-1" });
  expect(await gateway.lastRow()).toMatchObject({
    spend: 0.00006,
    usage: { input: 0, output_audio: 0, units: { characters: 4 } },
    estimated: false,
    status: "success",
  });
});

/** Answers with the first bytes of some speech, and hands over what the rest can be sent with. */
function nextSpeech(gateway: Awaited<ReturnType<typeof startMediaGateway>>) {
  return new Promise<{ call: UpstreamCall; response: ServerResponse }>((resolve) => {
    gateway.upstream.answer((call, response) => {
      response.writeHead(200, { "content-type": "audio/mpeg" }).write(Buffer.from([1, 2, 3]));
      resolve({ call, response });
    });
  });
}

test("speech is sent on as it comes", async () => {
  await using gateway = await startMediaGateway();
  const speech = nextSpeech(gateway);

  const response = await gateway.request("POST", "/audio/speech", { body: asked });
  const reader = response.body?.getReader();
  const { value } = (await reader?.read()) ?? {};

  expect([...(value ?? [])]).toEqual([1, 2, 3]);
  (await speech).response.end(Buffer.from([4]));
  expect([...((await reader?.read())?.value ?? [])]).toEqual([4]);
});

test("a client that hangs up stops the upstream, and pays for its text", async () => {
  await using gateway = await startMediaGateway();
  const speech = nextSpeech(gateway);
  const abort = new AbortController();
  const response = await gateway.request("POST", "/v1/audio/speech", {
    body: asked,
    signal: abort.signal,
  });
  await response.body?.getReader().read();

  abort.abort();

  expect(await (await speech).call.closed).toMatchObject({ wasComplete: false });
  expect(await gateway.lastRow()).toMatchObject({
    spend: 0.00006,
    status: "aborted",
    error_code: "client_closed",
    usage: { units: { characters: 4 } },
  });
});

test("speech that breaks off does not look whole", async () => {
  await using gateway = await startMediaGateway();
  const speech = nextSpeech(gateway);
  const response = await gateway.request("POST", "/v1/audio/speech", { body: asked });
  const reading = response.arrayBuffer();

  (await speech).response.destroy();

  await expect(reading).rejects.toThrow();
  expect(await gateway.lastRow()).toMatchObject({ spend: 0.00006, status: "failure" });
});

test("a client that reads slowly slows the upstream down", async () => {
  await using gateway = await startMediaGateway();
  const megabyte = Buffer.alloc(1024 * 1024);
  let written = 0;
  gateway.upstream.answer(async (_call, response) => {
    response.writeHead(200, { "content-type": "audio/wav" });
    for (; written < 64 && !response.destroyed; written += 1)
      if (!response.write(megabyte))
        await Promise.race([once(response, "drain"), once(response, "close")]);
    response.end();
  });

  const response = await gateway.request("POST", "/v1/audio/speech", { body: asked });
  const reader = response.body?.getReader();
  await reader?.read();
  await new Promise((resolve) => setTimeout(resolve, 300));

  expect(written).toBeLessThan(48);
  let received = 0;
  for (let next = await reader?.read(); next && !next.done; next = await reader?.read())
    received += next.value.length;
  expect(received).toBeGreaterThan(60 * megabyte.length);
});

test("speech as a stream of events costs the tokens that its end reports", async () => {
  await using gateway = await startMediaGateway();

  const response = await gateway.request("POST", "/v1/audio/speech", {
    body: { ...asked, model: "mini-voice", stream_format: "sse" },
  });

  expect(response.headers.get("content-type")).toMatch(/^text\/event-stream/);
  expect(await response.text()).toContain('"type":"speech.audio.done"');
  // 14 tokens at 0.6 USD and 101 at 12 USD a million.
  expect(await gateway.lastRow()).toMatchObject({
    spend: 0.0012204,
    usage: { input: 14, output_audio: 101, units: { characters: 4 } },
    estimated: false,
    streamed: true,
  });
});

test("tokens of speech that only bytes came of are estimated, and said to be", async () => {
  await using gateway = await startMediaGateway();

  const response = await gateway.request("POST", "/v1/audio/speech", {
    body: { ...asked, model: "mini-voice" },
  });

  expect(response.headers.get("x-litellm-response-cost")).toBeNull();
  // 2 tokens of text and 6 of audio.
  expect(await gateway.lastRow()).toMatchObject({
    spend: 0.0000732,
    usage: { input: 2, output_audio: 6, units: { characters: 4 } },
    estimated: true,
  });
});

test("what is no request for speech is refused", async () => {
  await using gateway = await startMediaGateway();

  for (const [body, param] of [
    [{ input: "Hi" }, "model"],
    [{ model: "voice" }, "input"],
    [{ model: "voice", input: ["Hi"] }, "input"],
  ] as const)
    await expectError(await gateway.request("POST", "/v1/audio/speech", { body }), {
      status: 400,
      type: "invalid_request_error",
      param,
    });
  expect(gateway.upstream.calls).toEqual([]);
});
