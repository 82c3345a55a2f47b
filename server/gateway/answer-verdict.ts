import { Buffer } from "node:buffer";
import type { Usage } from "../../shared/spend.ts";
import { type Fields, isFields } from "../providers/json.ts";
import type { ModelEvent } from "../providers/model-event.ts";
import type { CallFailure } from "../providers/source.ts";
import { EscapedText } from "../wire/escaped-text.ts";
import type { Span } from "../wire/span.ts";
import { dataOf, SseEvents } from "../wire/sse-events.ts";
import type { Attempt, Call } from "./call.ts";
import type { NoAnswer, ReadingAhead, Verdict } from "./read-ahead.ts";
import { isWhole } from "./reply-stream.ts";
import { errorInEvent, errorOfModel, payloadOf, toldError } from "./told-error.ts";

/** How much of a stream that says nothing is kept. */
const mostBytes = 64 * 1024;

const wordless: CallFailure = { kind: "broken", reason: "the answer ended before it began" };

/** An upstream that reports nothing used has done nothing that another one could not be asked for. */
export function consumes(usage: Usage | undefined): boolean {
  if (!usage) return false;
  const { units, ...tokens } = usage;
  return [...Object.values(tokens), ...Object.values(units ?? {})].some((amount) => amount > 0);
}

/** What an error in the place of an answer makes of it: undefined where the request is at fault, and its client is to know. */
export function noAnswerFor(error: Fields, call: Call, attempt: Attempt): NoAnswer | undefined {
  const told = toldError(error, call, attempt);
  return told.isOfRequest ? undefined : { failure: told.failure, error: told.error };
}

type Judges<Piece> = Pick<ReadingAhead<Piece>, "judge" | "judgeEnd">;
type Events = readonly ModelEvent[];

/** For a whole answer, which comes in one piece. */
export function judgesOfAll(call: Call, attempt: Attempt): Judges<Events> {
  return {
    judge: (events) => verdictOnAll(events, call, attempt),
    judgeEnd: () => ({ failure: wordless }),
  };
}

export function verdictOnAll(events: Events, call: Call, attempt: Attempt): "started" | NoAnswer {
  const told = events.find((event) => event.type === "error");
  const hasConsumed = events.some((event) => event.type === "usage" && consumes(event.usage));
  return (told && !hasConsumed && noAnswerFor(errorOfModel(told), call, attempt)) || "started";
}

/** For a stream of what a model says: its first word counts. */
export function judgesOfEvents(call: Call, attempt: Attempt): Judges<Events> {
  return {
    judge(events) {
      const telling = events.find(saysSomething);
      return telling ? verdictOnAll([telling], call, attempt) : "nothing";
    },
    judgeEnd: () => ({ failure: wordless }),
  };
}

function saysSomething(event: ModelEvent): boolean {
  return event.type !== "start" && (event.type !== "usage" || consumes(event.usage));
}

/** The same for one that passes through. */
export function judgesOfBytes(call: Call, attempt: Attempt): Judges<Buffer> {
  const { native } = call.endpoint;
  const readEvent = native.createReader();
  const cut = new SseEvents();
  const text = new EscapedText();
  let kept = 0;

  function verdictOn(bytes: Buffer, event: Span): Verdict {
    const { start, end } = dataOf(bytes, event);
    if (start === end) return "nothing";
    const { isError, usage } = readEvent(bytes, event, text);
    const payload = payloadOf(bytes, event);
    if (consumes(usage)) return "started";
    if (isError) return noAnswerFor(errorInEvent(payload), call, attempt) ?? "started";
    return isFields(payload) && native.isOpening(payload) ? "nothing" : "started";
  }

  function judge(chunk: Buffer): Verdict {
    let verdict: Verdict = "nothing";
    kept += chunk.length;
    cut.push(chunk, (bytes, start, end) => {
      if (verdict === "nothing") verdict = verdictOn(bytes, { start, end });
    });
    return kept > mostBytes && verdict === "nothing" ? "started" : verdict;
  }

  return {
    judge,
    judgeEnd() {
      const { rest } = cut;
      // An upstream may leave out the blank line behind its last event.
      const verdict = isWhole(rest) ? judge(Buffer.from("\n\n")) : "nothing";
      if (verdict !== "nothing") return verdict;
      const mayBeEmpty = native.missingEnd !== undefined && rest.length === 0;
      return mayBeEmpty ? "started" : { failure: wordless };
    },
  };
}
