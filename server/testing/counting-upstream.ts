import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** What every prompt is reported to take: less than it has bytes, as with any upstream. */
const promptTokens = 10;

/** What a call costs in picodollars that generates so many tokens, at the prices of the tests' config. */
export function countedCost(tokens: number): bigint {
  return BigInt(promptTokens) * 1_000_000n + BigInt(tokens) * 2_000_000n;
}

/** An upstream that counts its calls, and generates as many tokens as the request's `user` asks for and its cap allows. */
export interface CountingUpstream extends AsyncDisposable {
  readonly url: string;
  /** How many calls it has been sent, whole. */
  calls(): number;
  /** The most that it had at once since this was last asked. */
  mostAtOnce(): number;
}

export interface CountingOptions {
  /** How long it thinks, at most; a random part of it. */
  readonly thinkMs: number;
  /** Between the first of a stream and the rest. */
  readonly streamMs?: number;
}

export async function startCountingUpstream({
  thinkMs,
  streamMs = 2,
}: CountingOptions): Promise<CountingUpstream> {
  let calls = 0;
  let current = 0;
  let most = 0;
  const server = createServer(async (request, response) => {
    const body = await readJson(request);
    calls += 1;
    current += 1;
    most = Math.max(most, current);
    response.once("close", () => (current -= 1));
    setTimeout(() => answer(response, body, streamMs), Math.random() * thinkMs);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    calls: () => calls,
    mostAtOnce() {
      const asked = most;
      most = current;
      return asked;
    },
    async [Symbol.asyncDispose]() {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
    },
  };
}

interface AskedBody {
  readonly user?: string;
  readonly stream?: boolean;
  readonly max_tokens?: number;
  readonly max_completion_tokens?: number;
}

async function readJson(request: IncomingMessage): Promise<AskedBody> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return JSON.parse(Buffer.concat(chunks).toString()) as AskedBody;
}

function answer(response: ServerResponse, body: AskedBody, streamMs: number): void {
  const { user, stream, max_tokens = Infinity, max_completion_tokens = Infinity } = body;
  const tokens = Math.min(Number(user ?? 1), max_tokens, max_completion_tokens);
  const usage = {
    prompt_tokens: promptTokens,
    completion_tokens: tokens,
    total_tokens: promptTokens + tokens,
  };
  const head = { id: "chatcmpl-1", object: "chat.completion", created: 1, model: "gpt-real" };
  if (stream !== true) {
    const choices = [{ index: 0, message: { role: "assistant", content: "Hi" } }];
    response.writeHead(200, { "content-type": "application/json" });
    response.end(JSON.stringify({ ...head, choices, usage }));
    return;
  }
  response.writeHead(200, { "content-type": "text/event-stream" });
  const send = (event: object) => response.write(`data: ${JSON.stringify(event)}\n\n`);
  send({ ...head, choices: [{ index: 0, delta: { content: "Hi" } }] });
  setTimeout(() => {
    send({ ...head, choices: [], usage });
    response.end("data: [DONE]\n\n");
  }, streamMs);
}
