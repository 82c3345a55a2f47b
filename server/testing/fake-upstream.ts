import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type ServerResponse,
} from "node:http";
import type { AddressInfo } from "node:net";
import { mediaReply, type TypedEvent } from "./fake-media.ts";

/** A call as the upstream saw it. */
export interface UpstreamCall {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly bytes: Buffer;
  readonly text: string;
  /** Empty where it is not JSON. */
  readonly body: Record<string, unknown>;
  /** Resolves when the connection of this call has ended, and how long after its arrival that was. */
  readonly closed: Promise<{ readonly afterMs: number; readonly wasComplete: boolean }>;
}

export type AnswerUpstream = (call: UpstreamCall, response: ServerResponse) => void | Promise<void>;

/** The far end of the wire: a server on loopback that speaks OpenAI's format, or whatever a test has it say. */
export interface FakeUpstream extends AsyncDisposable {
  /** Without `/v1`. */
  readonly url: string;
  readonly calls: UpstreamCall[];
  /** Replaces how calls are answered from now on. */
  answer(how: AnswerUpstream): void;
  /** Stops listening and drops every connection, as a machine that went away. */
  close(): Promise<void>;
}

export const reportedUsage = { prompt_tokens: 1000, completion_tokens: 500, total_tokens: 1500 };

export async function startUpstream(): Promise<FakeUpstream> {
  let answerCall: AnswerUpstream = answerLikeOpenAi;
  const calls: UpstreamCall[] = [];
  const server = createServer((request, response) => {
    void receive(request, response).then((call) => {
      calls.push(call);
      return answerCall(call, response);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const close = async () => {
    const closed = new Promise((resolve) => server.close(resolve));
    server.closeAllConnections();
    await closed;
  };
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    calls,
    answer(how) {
      answerCall = how;
    },
    close,
    [Symbol.asyncDispose]: close,
  };
}

async function receive(request: IncomingMessage, response: ServerResponse): Promise<UpstreamCall> {
  const arrivedMs = performance.now();
  const closed = new Promise<{ afterMs: number; wasComplete: boolean }>((resolve) => {
    response.once("close", () =>
      resolve({ afterMs: performance.now() - arrivedMs, wasComplete: response.writableFinished }),
    );
  });
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const bytes = Buffer.concat(chunks);
  const isForm = request.headers["content-type"]?.startsWith("multipart/") === true;
  const text = isForm ? bytes.toString("latin1") : bytes.toString();
  return {
    method: request.method ?? "",
    bytes,
    path: request.url ?? "",
    headers: request.headers,
    text,
    body: isForm ? {} : JSON.parse(text || "{}"),
    closed,
  };
}

/** Chat, completions, embeddings and media, whole or streamed, with usage as OpenAI reports it. */
export const answerLikeOpenAi: AnswerUpstream = ({ path, body, text }, response) => {
  const media = mediaReply(path, body, text);
  if (media?.kind === "json") return sendJson(response, media.body);
  if (media?.kind === "events") return sendTypedEvents(response, media.events);
  if (media) {
    response.writeHead(200, { "content-type": media.contentType }).end(media.bytes);
    return undefined;
  }
  if (path.includes("embeddings")) return sendJson(response, embeddingReply(body));
  const isChat = path.includes("chat/");
  if (body["stream"] === true)
    return sendEvents(response, isChat ? chatEvents(body) : textEvents(body));
  return sendJson(response, isChat ? chatReply(body) : textReply(body));
};

/** Starts an event stream with bytes of the test's own, and leaves it open. */
export function openStream(response: ServerResponse, ...texts: readonly string[]): void {
  response.writeHead(200, { "content-type": "text/event-stream" });
  response.flushHeaders();
  for (const text of texts) response.write(text);
}

export function sendJson(response: ServerResponse, body: unknown, status = 200): void {
  response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
}

/** Sends each event in a write of its own, then `[DONE]`. */
export function sendEvents(response: ServerResponse, events: readonly unknown[]): void {
  response.writeHead(200, { "content-type": "text/event-stream" });
  for (const event of events) response.write(`data: ${JSON.stringify(event)}\n\n`);
  response.end("data: [DONE]\n\n");
}

/** Sends each event in a write of its own, with its type beside its data. */
export function sendTypedEvents(response: ServerResponse, events: readonly TypedEvent[]): void {
  response.writeHead(200, { "content-type": "text/event-stream" });
  for (const event of events)
    response.write(`event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`);
  response.end();
}

export function chatReply(body: Record<string, unknown>) {
  const message = { role: "assistant", content: "Hello there" };
  return {
    id: "chatcmpl-1",
    object: "chat.completion",
    created: 1_700_000_000,
    model: body["model"],
    system_fingerprint: "fp_1",
    choices: [{ index: 0, message, finish_reason: "stop", logprobs: null }],
    usage: reportedUsage,
  };
}

function textReply(body: Record<string, unknown>) {
  const choices = [{ index: 0, text: "Hello there", finish_reason: "stop", logprobs: null }];
  return {
    id: "cmpl-1",
    object: "text_completion",
    created: 1_700_000_000,
    model: body["model"],
    choices,
    usage: reportedUsage,
  };
}

function embeddingReply(body: Record<string, unknown>) {
  const vector = [0.25, -0.5, 1];
  const embedding =
    body["encoding_format"] === "base64"
      ? Buffer.from(Float32Array.from(vector).buffer).toString("base64")
      : vector;
  const data = [{ object: "embedding", index: 0, embedding }];
  return {
    object: "list",
    data,
    model: body["model"],
    usage: { prompt_tokens: 1000, total_tokens: 1000 },
  };
}

/** The chunks of a chat, and the one with usage where the request asks for it. */
export function chatEvents(body: Record<string, unknown>) {
  const head = {
    id: "chatcmpl-1",
    object: "chat.completion.chunk",
    created: 1_700_000_000,
    model: body["model"],
    system_fingerprint: "fp_1",
  };
  const deltas = [{ role: "assistant", content: "" }, { content: "Hello" }, { content: " there" }];
  return [
    ...deltas.map((delta) => ({
      ...head,
      choices: [{ index: 0, delta, finish_reason: null }],
      usage: null,
    })),
    { ...head, choices: [{ index: 0, delta: {}, finish_reason: "stop" }], usage: null },
    ...usageEvents(body, head),
  ];
}

function textEvents(body: Record<string, unknown>) {
  const head = {
    id: "cmpl-1",
    object: "text_completion",
    created: 1_700_000_000,
    model: body["model"],
  };
  const texts = [
    { text: "Hello", finish_reason: null },
    { text: " there", finish_reason: "stop" },
  ];
  return [
    ...texts.map((text) => ({ ...head, choices: [{ index: 0, logprobs: null, ...text }] })),
    ...usageEvents(body, head),
  ];
}

function usageEvents(body: Record<string, unknown>, head: object) {
  const options = body["stream_options"] as { include_usage?: boolean } | undefined;
  return options?.include_usage ? [{ ...head, choices: [], usage: reportedUsage }] : [];
}
