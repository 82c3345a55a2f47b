import type { ServerResponse } from "node:http";
import { chat } from "../server/dialects/chat/dialect.ts";
import type { Dialect, ReplyHead } from "../server/dialects/dialect.ts";
import { messages } from "../server/dialects/messages/messages.ts";
import type { Attempt, Call } from "../server/gateway/call.ts";
import { type Endpoint, endpoints } from "../server/gateway/endpoints.ts";
import { EventStream } from "../server/gateway/event-stream.ts";
import { StreamReply } from "../server/gateway/reply-stream.ts";
import type { Adapter } from "../server/providers/adapter.ts";
import { anthropic } from "../server/providers/anthropic/adapter.ts";
import type { Answer } from "../server/providers/call.ts";
import type { Reader } from "../server/providers/source.ts";
import { decodeAnswer } from "../server/providers/decode-answer.ts";
import { openAiChat } from "../server/providers/openai-chat/adapter.ts";
import { median } from "./report.ts";

/** A chunk is an event, as upstreams send them. */
const chunksPerStream = 200;
const streamsPerRound = 250;
const rounds = 15;
/** CPU above what a chunk costs that passes through. */
const targetMicros = 4;

interface Contest {
  readonly name: string;
  readonly run: () => Promise<void>;
}

/** What a chunk of a stream costs the gateway that is translated, above one that passes through: our own part alone, without the wire. */
export async function describeTranslation(): Promise<string> {
  const chatStream = chatChunks();
  const anthropicStream = anthropicChunks();
  const contests: readonly Contest[] = [
    { name: "chat, passing through", run: () => pass("chat/completions", chatStream) },
    { name: "messages, passing through", run: () => pass("messages", anthropicStream) },
    {
      name: "Anthropic's stream as chat chunks",
      run: () => translate(anthropic, chat, anthropicStream),
    },
    {
      name: "OpenAI's chunks as Anthropic's events",
      run: () => translate(openAiChat({ unsupported: [] }), messages, chatStream),
    },
  ];
  const micros = await timeAll(contests);
  const [passing = 0] = micros;
  const lines = contests.map(({ name }, index) => {
    const own = micros[index] ?? 0;
    const above = own - passing;
    const told = `  ${own.toFixed(2)} µs a chunk: ${name}`;
    if (index < 2) return told;
    return `${told}; ${above.toFixed(2)} above passing through, ${above <= targetMicros ? "met" : "missed"}`;
  });
  return [
    `translate: streams of ${chunksPerStream} chunks, target at most ${targetMicros} µs of CPU a chunk above passing through`,
    ...lines,
  ].join("\n");
}

/** In turn, so that a machine whose speed drifts does so for all of them; the first round warms up. */
async function timeAll(contests: readonly Contest[]): Promise<number[]> {
  const seen: number[][] = contests.map(() => []);
  for (let round = 0; round <= rounds; round += 1)
    for (const [index, { run }] of contests.entries()) {
      const before = process.cpuUsage();
      for (let stream = 0; stream < streamsPerRound; stream += 1) await run();
      const { user, system } = process.cpuUsage(before);
      if (round > 0) seen[index]?.push((user + system) / (streamsPerRound * chunksPerStream));
    }
  return seen.map(median);
}

const sink = { destroyed: false, write: () => true, once: () => undefined };

function callOf(endpoint: Endpoint): Call {
  const response = sink as unknown as ServerResponse;
  return { endpoint, response, showsUsage: false, asked: "bench" } as unknown as Call;
}

function endpointNamed(name: string): Endpoint {
  const endpoint = endpoints.find((one) => one.name === name);
  if (!endpoint) throw new Error(`Cannot measure ${name}: there is no such route`);
  return endpoint;
}

async function pass(route: string, chunks: readonly Buffer[]): Promise<void> {
  const reply = new StreamReply(
    callOf(endpointNamed(route)),
    {} as Attempt,
    Buffer.from('"bench"'),
  );
  answerWith(chunks).read(reply);
  await reply.finished;
}

async function translate(
  adapter: Adapter,
  dialect: Dialect,
  chunks: readonly Buffer[],
): Promise<void> {
  const head: ReplyHead = { id: "1", model: "bench", createdAtMs: 0, request: {}, promptTokens: 1 };
  const call = callOf(endpointNamed("chat/completions"));
  const stream = new EventStream(call, {} as Attempt, dialect.createEncoder(head));
  decodeAnswer(answerWith(chunks), adapter, true).read(stream);
  const { failure } = await stream.finished;
  if (failure) throw new Error(`Cannot measure a stream that breaks off: ${failure.reason}`);
}

function answerWith(chunks: readonly Buffer[]): Answer {
  return {
    status: 200,
    headers: { "content-type": "text/event-stream" },
    read(reader: Reader<Buffer>) {
      for (const chunk of chunks) reader.onData(chunk, () => undefined);
      reader.onEnd();
    },
    abort: () => undefined,
  };
}

const word = " benchmark";

function chatChunks(): readonly Buffer[] {
  const head =
    '"id":"chatcmpl-AbCdEfGhIjKlMnOpQrStUvWx","object":"chat.completion.chunk","created":1700000000,"model":"gpt-real","service_tier":"default","system_fingerprint":"fp_0123456789"';
  return [
    ...Array.from({ length: chunksPerStream - 2 }, () =>
      Buffer.from(
        `data: {${head},"choices":[{"index":0,"delta":{"content":"${word}"},"logprobs":null,"finish_reason":null}],"usage":null}\n\n`,
      ),
    ),
    Buffer.from(
      `data: {${head},"choices":[{"index":0,"delta":{},"logprobs":null,"finish_reason":"stop"}],"usage":null}\n\n`,
    ),
    Buffer.from(
      `data: {${head},"choices":[],"usage":{"prompt_tokens":9,"completion_tokens":198,"total_tokens":207}}\n\ndata: [DONE]\n\n`,
    ),
  ];
}

function event(type: string, fields: string): Buffer {
  return Buffer.from(`event: ${type}\ndata: {"type":"${type}",${fields}}\n\n`);
}

function anthropicChunks(): readonly Buffer[] {
  return [
    event(
      "message_start",
      '"message":{"id":"msg_1","type":"message","role":"assistant","model":"claude-real","content":[],"usage":{"input_tokens":9,"output_tokens":1}}',
    ),
    event("content_block_start", '"index":0,"content_block":{"type":"text","text":""}'),
    ...Array.from({ length: chunksPerStream - 4 }, () =>
      event("content_block_delta", `"index":0,"delta":{"type":"text_delta","text":"${word}"}`),
    ),
    event("content_block_stop", '"index":0'),
    event(
      "message_delta",
      '"delta":{"stop_reason":"end_turn","stop_sequence":null},"usage":{"output_tokens":198}',
    ),
    Buffer.from('event: message_stop\ndata: {"type":"message_stop"}\n\n'),
  ];
}
