import type { Embeddings } from "../providers/adapter.ts";
import type { CallFailure } from "../providers/source.ts";
import { costOf } from "./account.ts";
import type { Call } from "./call.ts";
import type { Gateway } from "./gateway.ts";
import { brokenOff, type Outcome } from "./outcome.ts";
import { sendJson } from "./reply-headers.ts";
import type { Routed } from "./route.ts";

type Answered = Omit<Routed, "received"> & {
  readonly read: () => Promise<Embeddings | CallFailure>;
};

/** Embeddings of a provider with a format of its own, as OpenAI sends them. */
export async function replyVectors(
  { returnUpstreamModel }: Gateway,
  call: Call,
  { attempt, read, dropped }: Answered,
): Promise<Outcome> {
  const embeddings = await read();
  if ("kind" in embeddings) return brokenOff(call, embeddings);
  const { vectors, usage } = embeddings;
  const cost = costOf(attempt, usage);
  const isBase64 = call.sent.request["encoding_format"] === "base64";
  const tokens = usage ? usage.input + usage.cache_read + usage.input_audio : 0;
  const body = Buffer.from(
    JSON.stringify({
      object: "list",
      data: vectors.map((vector, index) => ({
        object: "embedding",
        index,
        embedding: isBase64 ? base64Of(vector) : vector,
      })),
      model: returnUpstreamModel ? attempt.deployment.upstreamModel : call.asked,
      usage: { prompt_tokens: tokens, total_tokens: tokens },
    }),
  );
  return {
    end: { status: "success", usage, cost, otherwise: { kind: "generated", text: "" } },
    finish: () => sendJson(call, body, { attempt, dropped, cost }),
  };
}

/** Floats of 32 bits, little-endian, as OpenAI's clients read them. */
function base64Of(vector: readonly number[]): string {
  const bytes = Buffer.alloc(vector.length * 4);
  vector.forEach((value, index) => bytes.writeFloatLE(value, index * 4));
  return bytes.toString("base64");
}
