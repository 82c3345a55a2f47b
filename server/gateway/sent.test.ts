import { once } from "node:events";
import { request as startRequest } from "node:http";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { expect, test } from "vitest";
import { sendJson } from "../testing/fake-upstream.ts";
import { configText, masterKey, modelEntry, startGateway } from "../testing/gateway.ts";
import { Sent } from "./sent.ts";

test("a request is read anew once it was folded, and only when somebody asks for it", () => {
  let reads = 0;
  const body = Buffer.from('{"model":"gpt"}');
  const sent = new Sent(body, undefined, { model: "first" }, () => {
    reads += 1;
    return { model: "again" };
  });

  expect([sent.request.model, reads]).toEqual(["first", 0]);
  sent.fold();
  expect([sent.bodyBytes, sent.body, reads]).toEqual([body.length, body, 0]);
  expect([sent.request.model, sent.request.model, reads]).toEqual(["again", "again", 1]);
});

test("a request that passed through to an upstream in vain is translated for the next as it was sent", async () => {
  await using gateway = await startGateway({
    config: (url) =>
      configText({
        model_list: [
          // The first of nearly every shuffle.
          modelEntry({ model_name: "gpt", api_base: `${url}/v1`, weight: 1_000_000 }),
          modelEntry({ model_name: "gpt", api_base: url, model: "anthropic/claude", weight: 1 }),
        ],
      }),
  });
  gateway.upstream.answer(({ path }, response) =>
    path === "/v1/messages"
      ? sendJson(response, {
          id: "msg_1",
          type: "message",
          role: "assistant",
          model: "claude",
          content: [{ type: "text", text: "Hello" }],
          stop_reason: "end_turn",
          usage: { input_tokens: 3, output_tokens: 1 },
        })
      : sendJson(response, { error: { message: "broken" } }, 500),
  );

  const response = await gateway.chat(masterKey, {
    messages: [
      { role: "system", content: "Be brief" },
      { role: "user", content: 'Say "hello" — twice' },
    ],
    max_tokens: 50,
  });

  expect(response.status).toBe(200);
  expect(response.headers.get("x-litellm-attempted-retries")).toBe("1");
  expect(gateway.upstream.calls.map(({ path }) => path)).toEqual([
    "/v1/chat/completions",
    "/v1/messages",
  ]);
  expect(gateway.upstream.calls[1]?.body).toMatchObject({
    model: "claude",
    max_tokens: 50,
    system: [{ type: "text", text: "Be brief" }],
    messages: [{ role: "user", content: [{ type: "text", text: 'Say "hello" — twice' }] }],
  });
});

/** An upstream that takes what it is sent and never answers. */
async function startSilentUpstream() {
  let receivedBytes = 0;
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket.on("error", () => undefined));
    socket.on("data", (part) => (receivedBytes += part.length));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    receivedBytes: () => receivedBytes,
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, "close");
    },
  };
}

/** What is in use: objects and text, and bytes beside the heap. */
function memoryInUse(): { heap: number; bytes: number } {
  setFlagsFromString("--expose-gc");
  const collectGarbage = runInNewContext("gc") as () => void;
  collectGarbage();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return { heap: heapUsed, bytes: arrayBuffers };
}

test("calls that wait for their upstream keep their bodies' bytes, and not what was read of them too", async () => {
  const count = 12;
  await using upstream = await startSilentUpstream();
  await using gateway = await startGateway({
    config: () =>
      configText({
        model_list: [modelEntry({ model_name: "gpt", api_base: `${upstream.url}/v1` })],
      }),
  });
  const body = Buffer.from(
    JSON.stringify({
      model: "gpt",
      messages: [{ role: "user", content: "word ".repeat(400_000) }],
    }),
  );
  const before = memoryInUse();

  const clients = Array.from({ length: count }, () =>
    startRequest(`${gateway.url}/v1/chat/completions`, {
      method: "POST",
      headers: { authorization: `Bearer ${masterKey}` },
    })
      .on("error", () => undefined)
      .end(body),
  );
  await expect
    .poll(() => upstream.receivedBytes(), { timeout: 30_000 })
    .toBeGreaterThan(count * body.length);

  const { heap, bytes } = memoryInUse();
  expect(heap - before.heap).toBeLessThan((count * body.length) / 4);
  // As they came, and with the upstream's name of the model.
  expect(bytes - before.bytes).toBeLessThan(2.5 * count * body.length);
  for (const client of clients) client.destroy();
  await gateway.deps.gateway.inFlight.none();
});
