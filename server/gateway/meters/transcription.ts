import { millisecondsOf, nothingUsed } from "../../providers/media-usage.ts";
import { findMembers } from "../../wire/json-members.ts";
import { type Asked, type Meter } from "./meter.ts";

/** 64 kbit/s, as compressed speech often has, where the file does not say. */
const bytesPerSecond = 8_000;

/** OpenAI's models hear ten tokens a second; of speech about four are written in the same time. */
const heardTokensPerSecond = 10;
const writtenTokensPerSecond = 4;

const durationName = [Buffer.from("duration")];

const textFormats = new Set<unknown>(["text", "srt", "vtt"]);

/** Transcriptions are charged by the length of what was heard, or by tokens, where the upstream reports either. */
export const transcriptionMeter: Meter = {
  hidesTokens: false,
  pipes: ({ request }) => textFormats.has(request["response_format"]),
  expect(asked) {
    const audioMs = expectedMs(asked);
    return {
      ...nothingUsed,
      input_audio: Math.ceil((audioMs / 1_000) * heardTokensPerSecond),
      output: Math.ceil((audioMs / 1_000) * writtenTokensPerSecond),
      units: { audio_ms: audioMs },
    };
  },
  ceiling: () => ({
    units: { audio_ms: Infinity },
    inputTokens: Infinity,
    outputTokens: Infinity,
    answers: 1,
    reportsTokens: true,
  }),
  measure(_asked, { reported, body }) {
    if (reported || !body) return reported;
    const audioMs = durationIn(body);
    return audioMs === undefined ? undefined : { ...nothingUsed, units: { audio_ms: audioMs } };
  },
};

/** `verbose_json` tells it beside the text; some upstreams as text. */
function durationIn(body: Buffer): number | undefined {
  const [span] = findMembers(body, { start: 0, end: body.length }, durationName);
  if (!span) return undefined;
  const told = body.toString("latin1", span.start, span.end).replaceAll('"', "");
  return told === "" ? undefined : millisecondsOf(Number(told));
}

function expectedMs({ form, bodyBytes }: Asked): number {
  const file = form?.parts.find(({ filename }) => filename !== undefined)?.content;
  const perSecond = (file && waveBytesPerSecond(file)) ?? bytesPerSecond;
  return Math.ceil(((file?.length ?? bodyBytes) / perSecond) * 1_000);
}

/** A WAVE file says in its `fmt ` chunk, nearly always the first, how many bytes a second of it takes. */
function waveBytesPerSecond(file: Buffer): number | undefined {
  if (file.length < 44 || file.toString("latin1", 8, 16) !== "WAVEfmt ") return undefined;
  const perSecond = file.readUInt32LE(28);
  // No less than the most frugal codecs in use take, whatever it says.
  return perSecond < 500 ? undefined : perSecond;
}
