import { expect, test } from "vitest";
import {
  nothingUsed,
  readImageUsage,
  readSpeechUsage,
  readTranscriptionUsage,
  sumOf,
} from "./media-usage.ts";

test("tokens of images are among those of input and output", () => {
  expect(
    readImageUsage({
      input_tokens: 323,
      output_tokens: 4160,
      total_tokens: 4483,
      input_tokens_details: { text_tokens: 10, image_tokens: 313 },
    }),
  ).toEqual({
    ...nothingUsed,
    input: 323,
    output: 4160,
    units: { input_image_tokens: 313, output_image_tokens: 4160 },
  });
  expect(
    readImageUsage({
      input_tokens: 10,
      output_tokens: 1100,
      output_tokens_details: { text_tokens: 44, image_tokens: 1056 },
    }),
  ).toMatchObject({ output: 1100, units: { output_image_tokens: 1056 } });
});

test("tokens of speech are audio, and those of a transcription text or audio, as its details say", () => {
  expect(readSpeechUsage({ input_tokens: 14, output_tokens: 101 })).toEqual({
    ...nothingUsed,
    input: 14,
    output_audio: 101,
  });
  const tokens = { type: "tokens", input_tokens: 14, output_tokens: 45 };
  const input_token_details = { text_tokens: 4, audio_tokens: 10 };
  expect(readTranscriptionUsage({ ...tokens, input_token_details })).toEqual({
    ...nothingUsed,
    input: 4,
    input_audio: 10,
    output: 45,
  });
  expect(readTranscriptionUsage(tokens)).toMatchObject({ input: 0, input_audio: 14 });
});

test("seconds are milliseconds, rounded", () => {
  expect(readTranscriptionUsage({ type: "duration", seconds: 3.0005 })).toEqual({
    ...nothingUsed,
    units: { audio_ms: 3001 },
  });
});

test("a report in the shape of chats is understood", () => {
  const chat = { prompt_tokens: 5, completion_tokens: 7, total_tokens: 12 };
  for (const read of [readImageUsage, readSpeechUsage, readTranscriptionUsage])
    expect(read(chat)).toMatchObject({ input: 5, output: 7 });
});

test.each([
  undefined,
  null,
  "many",
  [],
  {},
  { input_tokens: -1, output_tokens: 1 },
  { input_tokens: 1, output_tokens: "1" },
  { input_tokens: 1.5 },
  { type: "duration", seconds: -1 },
  { type: "duration", seconds: "9" },
  { type: "duration", seconds: 1e300 },
])("a report that cannot be believed is none: %j", (reported) => {
  for (const read of [readImageUsage, readSpeechUsage, readTranscriptionUsage])
    expect(read(reported)).toBeUndefined();
});

test("reports add up", () => {
  const one = { ...nothingUsed, input: 1, units: { images: 1 } };
  const two = { ...nothingUsed, output: 2, units: { images: 1, output_image_tokens: 2 } };

  expect(sumOf(one, two)).toEqual({
    ...nothingUsed,
    input: 1,
    output: 2,
    units: { images: 2, output_image_tokens: 2 },
  });
  expect(sumOf(undefined, two)).toBe(two);
  expect(sumOf(undefined, undefined)).toBeUndefined();
});
