/** What OpenAI, and for reranking Cohere, answer on the routes beside chat. */
export type MediaReply =
  | { readonly kind: "json"; readonly body: unknown }
  | { readonly kind: "events"; readonly events: readonly TypedEvent[] }
  | { readonly kind: "bytes"; readonly contentType: string; readonly bytes: Buffer };

export interface TypedEvent {
  readonly type: string;
  readonly [field: string]: unknown;
}

type Body = Readonly<Record<string, unknown>>;

/** Undefined where the path is none of theirs. `text`: a form, as it came. */
export function mediaReply(path: string, body: Body, text: string): MediaReply | undefined {
  if (path.includes("/images/")) return imageReply(body);
  if (path.includes("/moderations")) return json(moderationReply);
  if (path.includes("/rerank")) return json(rerankReply);
  if (path.includes("/audio/speech")) return speechReply(body);
  if (path.includes("/audio/")) return transcriptionReply(text);
  return undefined;
}

function json(body: unknown): MediaReply {
  return { kind: "json", body };
}

export const imageUsage = {
  total_tokens: 1_066,
  input_tokens: 10,
  output_tokens: 1_056,
  input_tokens_details: { text_tokens: 10, image_tokens: 0 },
};

/** gpt-image models report tokens; the others do not. */
function imageReply({ model, n, stream }: Body): MediaReply {
  const created = 1_700_000_000;
  const isGpt = String(model).startsWith("gpt-image");
  if (stream === true)
    return {
      kind: "events",
      events: [
        { type: "image_generation.partial_image", b64_json: "AAAA", partial_image_index: 0 },
        { type: "image_generation.completed", b64_json: "AAAABBBB", usage: imageUsage },
      ],
    };
  const data = Array.from({ length: Number(n ?? 1) }, () => ({ b64_json: "AAAA" }));
  return json({ created, data, ...(isGpt && { usage: imageUsage }) });
}

const moderationReply = {
  id: "modr-1",
  model: "omni-moderation-latest",
  results: [{ flagged: false, categories: {}, category_scores: {} }],
};

const rerankReply = {
  id: "rerank-1",
  results: [{ index: 0, relevance_score: 0.9 }],
  meta: { api_version: { version: "2" }, billed_units: { search_units: 2 } },
};

/** Bytes that are no text in any encoding. */
export const speechBytes = Buffer.from([0xff, 0xf3, 0x00, 0x0d, 0x0a, 0x80, 0xfe]);

function speechReply({ stream_format }: Body): MediaReply {
  if (stream_format !== "sse")
    return { kind: "bytes", contentType: "audio/mpeg", bytes: speechBytes };
  const usage = { input_tokens: 14, output_tokens: 101, total_tokens: 115 };
  return {
    kind: "events",
    events: [
      { type: "speech.audio.delta", audio: "AAAA" },
      { type: "speech.audio.done", usage },
    ],
  };
}

function transcriptionReply(form: string): MediaReply {
  const format = /name="response_format"\r\n\r\n(\w+)/.exec(form)?.[1];
  if (format === "text" || format === "srt" || format === "vtt")
    return { kind: "bytes", contentType: "text/plain; charset=utf-8", bytes: Buffer.from("Hi\n") };
  if (/name="stream"\r\n\r\ntrue/.test(form)) {
    const usage = { type: "tokens", ...transcribedTokens };
    return {
      kind: "events",
      events: [
        { type: "transcript.text.delta", delta: "Hi" },
        { type: "transcript.text.done", text: "Hi", usage },
      ],
    };
  }
  if (format === "verbose_json")
    return json({ task: "transcribe", language: "english", duration: 8.47, text: "Hi" });
  return json({ text: "Hi", usage: { type: "duration", seconds: 9 } });
}

export const transcribedTokens = {
  input_tokens: 14,
  output_tokens: 45,
  total_tokens: 59,
  input_token_details: { text_tokens: 4, audio_tokens: 10 },
};
