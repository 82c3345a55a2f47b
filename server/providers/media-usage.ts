import type { Units, Usage } from "../../shared/spend.ts";
import { type Fields, fieldsOf, isFields } from "./json.ts";
import { readUsage } from "./usage.ts";

/**
 * What the routes beside chat report in `usage`, where OpenAI names its parts otherwise: `input_tokens` and `output_tokens`.
 * A report in the shape of chats, as vLLM and Jina have it, is understood too. Undefined where it says nothing believable.
 */

export const nothingUsed: Usage = {
  input: 0,
  cache_read: 0,
  cache_write: 0,
  cache_write_1h: 0,
  input_audio: 0,
  output: 0,
  reasoning: 0,
  output_audio: 0,
};

/** Images: what is generated are tokens of images, unless the details say otherwise. */
export function readImageUsage(reported: unknown): Usage | undefined {
  const tokens = tokensOf(reported);
  if (!tokens) return readUsage(reported);
  const { input, output, inputDetails, outputDetails } = tokens;
  const text = count(outputDetails["text_tokens"]) ?? 0;
  const units: Units = {
    input_image_tokens: atMost(input, inputDetails["image_tokens"]),
    output_image_tokens: atMost(output, outputDetails["image_tokens"] ?? output - text),
  };
  const cached = atMost(input, inputDetails["cached_tokens"]);
  return { ...nothingUsed, input: input - cached, cache_read: cached, output, units };
}

/** Speech: what is generated is audio. */
export function readSpeechUsage(reported: unknown): Usage | undefined {
  const tokens = tokensOf(reported);
  if (!tokens) return readUsage(reported);
  return { ...nothingUsed, input: tokens.input, output_audio: tokens.output };
}

/** Transcriptions: tokens, or the length of what was heard. */
export function readTranscriptionUsage(reported: unknown): Usage | undefined {
  const lengthMs = millisecondsOf(fieldsOf(reported)["seconds"]);
  if (lengthMs !== undefined) return { ...nothingUsed, units: { audio_ms: lengthMs } };
  const tokens = tokensOf(reported);
  if (!tokens) return readUsage(reported);
  const audio = atMost(tokens.input, tokens.inputDetails["audio_tokens"] ?? tokens.input);
  return {
    ...nothingUsed,
    input: tokens.input - audio,
    input_audio: audio,
    output: tokens.output,
  };
}

/** Reports of a call that add up. */
export function sumOf(one: Usage | undefined, two: Usage | undefined): Usage | undefined {
  if (!one || !two) return one ?? two;
  return {
    input: one.input + two.input,
    cache_read: one.cache_read + two.cache_read,
    cache_write: one.cache_write + two.cache_write,
    cache_write_1h: one.cache_write_1h + two.cache_write_1h,
    input_audio: one.input_audio + two.input_audio,
    output: one.output + two.output,
    reasoning: one.reasoning + two.reasoning,
    output_audio: one.output_audio + two.output_audio,
    units: sumOfUnits(one.units ?? {}, two.units ?? {}),
  };
}

function sumOfUnits(one: Units, two: Units): Units {
  const names = Object.keys({ ...one, ...two }) as (keyof Units)[]; // Object.keys loses the names
  return Object.fromEntries(names.map((name) => [name, (one[name] ?? 0) + (two[name] ?? 0)]));
}

/** Seconds as JSON has them, in whole milliseconds. */
export function millisecondsOf(seconds: unknown): number | undefined {
  if (typeof seconds !== "number" || !(seconds >= 0)) return undefined;
  return count(Math.round(seconds * 1_000));
}

interface Tokens {
  readonly input: number;
  readonly output: number;
  readonly inputDetails: Fields;
  readonly outputDetails: Fields;
}

function tokensOf(reported: unknown): Tokens | undefined {
  if (!isFields(reported)) return undefined;
  const input = count(reported["input_tokens"]);
  const output = count(reported["output_tokens"] ?? 0);
  if (input === undefined || output === undefined) return undefined;
  return {
    input,
    output,
    inputDetails: fieldsOf(reported["input_tokens_details"] ?? reported["input_token_details"]),
    outputDetails: fieldsOf(reported["output_tokens_details"] ?? reported["output_token_details"]),
  };
}

function atMost(limit: number, tokens: unknown): number {
  return Math.min(limit, count(tokens) ?? 0);
}

export function count(value: unknown): number | undefined {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0 ? value : undefined;
}
