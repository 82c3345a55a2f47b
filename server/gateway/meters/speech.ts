import { nothingUsed } from "../../providers/media-usage.ts";
import { bytesPerToken } from "../estimate.ts";
import { type Asked, framing, type Meter } from "./meter.ts";

/**
 * gpt-4o-mini-tts costs about 0.015 USD a minute at 12 USD per million tokens of audio, which is 21 a second; and a second is
 * about fifteen characters of speech.
 */
const audioTokensPerCharacter = 1.4;

/** Speech is charged by the characters of its text, which the request tells, or by tokens, which only a stream reports. */
export const speechMeter: Meter = {
  hidesTokens: true,
  pipes: (_asked, contentType) => !contentType.startsWith("text/html"),
  expect({ request }) {
    const text = textOf(request);
    const characters = charactersOf(text);
    return {
      ...nothingUsed,
      input: Math.ceil(Buffer.byteLength(text) / bytesPerToken),
      output_audio: Math.ceil(characters * audioTokensPerCharacter),
      units: { characters },
    };
  },
  ceiling({ request, bodyBytes }) {
    return {
      units: { characters: charactersOf(textOf(request)) },
      inputTokens: bodyBytes + framing,
      outputTokens: Infinity,
      answers: 1,
      reportsTokens: isEventStream(request),
    };
  },
  measure({ request }, { reported }) {
    const characters = charactersOf(textOf(request));
    return { ...(reported ?? nothingUsed), units: { characters } };
  },
};

export function isEventStream(request: Asked["request"]): boolean {
  return request["stream_format"] === "sse";
}

function textOf({ input }: Asked["request"]): string {
  return typeof input === "string" ? input : "";
}

/** Code points: what both halves of a surrogate pair stand for is one character. */
function charactersOf(text: string): number {
  return text.length - (text.match(/[\ud800-\udbff][\udc00-\udfff]/g)?.length ?? 0);
}
