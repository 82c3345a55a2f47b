import type { Answer } from "./call.ts";
import { wholeAnswer } from "./whole-answer.ts";

export interface MockQuestion {
  /** The text that is answered. */
  readonly text: string;
  /** The upstream's name of the model. */
  readonly model: string;
  readonly route: string;
  readonly request: Readonly<Record<string, unknown>>;
  readonly bodyBytes: number;
}

/** Length of the vectors that a mock answers embeddings with: short, since nothing is learnt from them. */
const mockDimensions = 8;

/**
 * Answers in the place of an upstream, in its wire format and with its usage, at four bytes a token. Everything behind
 * it (reply, account, ledger) sees no difference.
 */
export function mockAnswer(question: MockQuestion): Answer {
  const isStream = question.request["stream"] === true;
  const body = Buffer.from(isStream ? streamBody(question) : JSON.stringify(wholeBody(question)));
  return wholeAnswer({
    status: 200,
    headers: { "content-type": isStream ? "text/event-stream" : "application/json" },
    body,
  });
}

function usageOf({ text, bodyBytes, route }: MockQuestion) {
  const prompt_tokens = Math.ceil(bodyBytes / 4);
  const completion_tokens = route === "embeddings" ? 0 : Math.ceil(Buffer.byteLength(text) / 4);
  return { prompt_tokens, completion_tokens, total_tokens: prompt_tokens + completion_tokens };
}

function common({ model, route }: MockQuestion, chatObject: string) {
  const object = route === "chat/completions" ? chatObject : "text_completion";
  return {
    id: `mock-${Date.now().toString(36)}`,
    object,
    created: Math.floor(Date.now() / 1000),
    model,
  };
}

function wholeBody(question: MockQuestion) {
  const { text, route, model, request } = question;
  const usage = usageOf(question);
  if (route === "embeddings") return { object: "list", data: embeddingsOf(request), model, usage };
  const content =
    route === "chat/completions" ? { message: { role: "assistant", content: text } } : { text };
  return {
    ...common(question, "chat.completion"),
    choices: [{ index: 0, ...content, finish_reason: "stop" }],
    usage,
  };
}

function embeddingsOf({ input, encoding_format }: MockQuestion["request"]) {
  const isBatch = Array.isArray(input) && typeof input[0] !== "number";
  const vector = new Float32Array(mockDimensions).fill(1 / Math.sqrt(mockDimensions));
  const embedding =
    encoding_format === "base64" ? Buffer.from(vector.buffer).toString("base64") : [...vector];
  return (isBatch ? input : [input]).map((_, index) => ({ object: "embedding", index, embedding }));
}

/** A word an event, as a model would stream it. */
function streamBody(question: MockQuestion): string {
  const { text, route } = question;
  const head = common(question, "chat.completion.chunk");
  const isChat = route === "chat/completions";
  const pieces = text.match(/\s*\S+\s*$|\s*\S+/g) ?? [text];
  const choices = [
    ...pieces.map((piece, index) =>
      isChat
        ? { delta: { ...(index === 0 && { role: "assistant" }), content: piece } }
        : { text: piece },
    ),
    isChat ? { delta: {}, finish_reason: "stop" } : { text: "", finish_reason: "stop" },
  ];
  const events = [
    ...choices.map((choice) => ({
      ...head,
      choices: [{ index: 0, finish_reason: null, ...choice }],
    })),
    { ...head, choices: [], usage: usageOf(question) },
  ];
  return [...events.map((event) => JSON.stringify(event)), "[DONE]"]
    .map((data) => `data: ${data}\n\n`)
    .join("");
}
