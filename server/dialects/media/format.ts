import type { Usage } from "../../../shared/spend.ts";
import { errorBodyOf } from "../../errors.ts";
import { sumOf } from "../../providers/media-usage.ts";
import { findMembers } from "../../wire/json-members.ts";
import type { Span } from "../../wire/span.ts";
import { dataOf } from "../../wire/sse-events.ts";
import { type NativeEvent, type NativeFormat, silent } from "../dialect.ts";

export interface MediaFormat {
  readonly readUsage: (reported: unknown) => Usage | undefined;
  /**
   * What an event consumed of which its `usage` does not tell, by its type. Where there is such a thing, events add up: each is
   * of something else. Otherwise the last that tells a usage tells all of it.
   */
  readonly unitsOf?: (type: string) => Usage | undefined;
}

const names = ["type", "model", "usage", "error"].map((name) => Buffer.from(name));

const openBrace = 0x7b;
const openBracket = 0x5b;

/** The last of their streams. Images have no such event: of several, each is completed by itself. */
const lastTypes = new Set(["speech.audio.done", "transcript.text.done"]);

/**
 * OpenAI's streams of images, speech and transcriptions: events with a `type`, read in place, since megabytes of base64 are in
 * some of them.
 */
export function mediaFormat({ readUsage, unitsOf }: MediaFormat): NativeFormat {
  return {
    createReader() {
      let total: Usage | undefined;
      return (bytes, event) => {
        const data = dataOf(bytes, event);
        const read = readEvent(bytes, data);
        const told = readUsage(read.reported);
        total = unitsOf ? sumOf(total, sumOf(told, unitsOf(read.type))) : (told ?? total);
        return { ...read.event, usage: total };
      };
    },
    readUsage,
    generatedText: () => "",
    isOpening: () => false,
    repliesTellErrors: false,
    // The end of the connection is an end: not every upstream says so before.
    missingEnd: "",
    errorEvent: (error) => `event: error\ndata: ${JSON.stringify(errorBodyOf(error))}\n\n`,
  };
}

interface Read {
  readonly type: string;
  readonly reported: unknown;
  readonly event: NativeEvent;
}

function readEvent(bytes: Buffer, data: Span): Read {
  const first = bytes[data.start];
  if (first !== openBrace)
    return {
      type: "",
      reported: undefined,
      event: first === openBracket ? { ...silent, isDone: true } : silent,
    };
  const [typeSpan, model, usage, error] = findMembers(bytes, data, names);
  const type = typeSpan ? String(parse(bytes, typeSpan)) : "";
  const isError = type === "error" || (error !== undefined && bytes[error.start] === openBrace);
  return {
    type,
    reported: usage && parse(bytes, usage),
    event: { ...silent, model, isError, isDone: lastTypes.has(type) },
  };
}

function parse(bytes: Buffer, { start, end }: Span): unknown {
  try {
    return JSON.parse(bytes.toString("utf8", start, end));
  } catch {
    return undefined;
  }
}
