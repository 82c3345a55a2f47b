import type { Chat } from "../../../shared/openai/chat.ts";
import type { Target } from "../adapter.ts";
import type { Translation } from "../translation.ts";
import { listOf, type Fields } from "../json.ts";
import { encodeThinking } from "./thinking.ts";

/**
 * How the answer is to be made.
 *
 * Source: https://ai.google.dev/api/generate-content#generationconfig
 */
export function encodeGenerationConfig(
  chat: Chat,
  target: Target,
  translation: Translation,
): Fields {
  refuseMany(chat, translation);
  const settings = {
    maxOutputTokens: outputLimit(chat, target),
    temperature: chat.temperature,
    topP: chat.top_p,
    topK: chat.top_k,
    stopSequences: stops(chat),
    seed: seedOf(chat, translation),
    // Zero is no penalty, and many models refuse the field.
    presencePenalty: chat.presence_penalty || undefined,
    frequencyPenalty: chat.frequency_penalty || undefined,
    responseModalities: modalities(chat, translation),
    thinkingConfig: encodeThinking(chat, target.model, translation),
    ...responseFormat(chat),
  };
  return Object.fromEntries(
    Object.entries(settings).filter(([, value]) => value !== undefined && value !== null),
  );
}

function refuseMany(chat: Chat, translation: Translation): void {
  if ((chat.n ?? 1) > 1)
    translation.refuse("n", "its provider is asked for one answer to a chat, not several");
  if (chat["logprobs"] === true)
    translation.refuse("logprobs", "those of its provider are not passed on");
}

/** Gemini answers a limit above the model's own with an error. */
function outputLimit(chat: Chat, { maxOutputTokens }: Target): number | undefined {
  const asked = chat.max_completion_tokens ?? chat.max_tokens ?? undefined;
  return asked === undefined || maxOutputTokens === undefined
    ? asked
    : Math.min(asked, maxOutputTokens);
}

function stops({ stop }: Chat): readonly string[] | undefined {
  const sequences = (typeof stop === "string" ? [stop] : (stop ?? [])).filter(
    (text) => text !== "",
  );
  return sequences.length > 0 ? sequences : undefined;
}

const largestSeed = 2 ** 31 - 1;

/** Gemini's is an integer of 32 bits. */
function seedOf({ seed }: Chat, translation: Translation): number | undefined {
  if (seed === null || seed === undefined) return undefined;
  if (Math.abs(seed) <= largestSeed) return seed;
  translation.drop("seed");
  return undefined;
}

/** `["text", "image"]`, as OpenAI writes it, asks for images; text alone is the default. */
function modalities(chat: Chat, translation: Translation): readonly string[] | undefined {
  const asked = listOf(chat["modalities"]);
  const known = asked.filter((name) => name === "text" || name === "image");
  if (known.length < asked.length)
    translation.refuse("modalities", "its provider is asked for text and images only");
  return known.includes("image") ? known.map((name) => name.toUpperCase()) : undefined;
}

/** `responseJsonSchema` takes the schema as it is; `responseSchema` takes a dialect of OpenAPI. */
function responseFormat({ response_format: format }: Chat): Fields {
  if (!format || format.type === "text") return {};
  const schema = format.type === "json_schema" ? format.json_schema.schema : undefined;
  return {
    responseMimeType: "application/json",
    responseJsonSchema: schema,
  };
}
