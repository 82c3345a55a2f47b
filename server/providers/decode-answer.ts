import { parseJson } from "./json.ts";
import type { Span } from "../wire/span.ts";
import { dataOf, SseEvents } from "../wire/sse-events.ts";
import type { Adapter } from "./adapter.ts";
import { collect } from "./body.ts";
import type { Answer } from "./call.ts";
import type { CallFailure, Reader } from "./source.ts";
import type { EventReader, EventSource, ModelEvent } from "./model-event.ts";

/** The most that a whole answer may take in memory. */
const maxAnswerBytes = 64 * 1024 * 1024;

/** An upstream's answer as what its model says, decoded by its provider's adapter. */
export function decodeAnswer(answer: Answer, adapter: Adapter, isStream: boolean): EventSource {
  const abort = () => answer.abort();
  if (!isStream)
    return {
      read: (reader) =>
        // Nothing may be thrown where nobody waits for it: that would end the process.
        void decodeWhole(answer, adapter, reader).catch((thrown: unknown) => {
          answer.abort();
          reader.onFailure({ kind: "foreign", reason: reasonOf(thrown) });
        }),
      abort,
    };
  return { read: (reader) => answer.read(new StreamDecoder(adapter, reader)), abort };
}

async function decodeWhole(answer: Answer, adapter: Adapter, reader: EventReader): Promise<void> {
  const body = await collect(answer, maxAnswerBytes);
  if (!Buffer.isBuffer(body)) return reader.onFailure(body);
  const events = adapter.decodeReply(parse(body, { start: 0, end: body.length }));
  if (events.length === 0) return reader.onFailure({ kind: "foreign", reason: "no reply" });
  reader.onData(events, () => undefined);
  reader.onEnd();
}

const openBracket = 0x5b;

/** Cuts the stream into events and hands on what each chunk of it says, at once. */
class StreamDecoder implements Reader<Buffer> {
  readonly #events = new SseEvents();
  readonly #decode: (data: unknown) => readonly ModelEvent[];
  readonly #reader: EventReader;
  #isBroken = false;

  constructor(adapter: Adapter, reader: EventReader) {
    this.#decode = adapter.createDecoder();
    this.#reader = reader;
  }

  onData(chunk: Buffer, resume: () => void): boolean {
    if (this.#isBroken) return true;
    const said: ModelEvent[] = [];
    const reason = this.#decodeAll(chunk, said);
    const isTaken = said.length === 0 || this.#reader.onData(said, resume);
    if (reason !== undefined) this.#reader.onFailure({ kind: "foreign", reason });
    return isTaken;
  }

  /** Adds what a chunk says; tells why there can be no more of it. */
  #decodeAll(chunk: Buffer, said: ModelEvent[]): string | undefined {
    try {
      this.#events.push(chunk, (bytes, start, end) => {
        for (const event of this.#read(bytes, { start, end })) said.push(event);
      });
      return this.#isBroken ? "an event that is not JSON" : undefined;
    } catch (thrown) {
      this.#isBroken = true;
      return reasonOf(thrown);
    }
  }

  /** An event that has no end was not sent whole: it is not taken for one. */
  onEnd(): void {
    if (!this.#isBroken) this.#reader.onEnd();
  }

  onFailure(failure: CallFailure): void {
    if (!this.#isBroken) this.#reader.onFailure(failure);
  }

  /** `[DONE]`, which some send at the end, says nothing that `finish` has not said. */
  #read(bytes: Buffer, event: Span): readonly ModelEvent[] {
    const data = dataOf(bytes, event);
    if (this.#isBroken || data.start >= data.end || bytes[data.start] === openBracket) return [];
    const value = parse(bytes, data);
    if (value !== undefined) return this.#decode(value);
    this.#isBroken = true;
    return [];
  }
}

function reasonOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : "something that is no Error was thrown";
}

function parse(bytes: Buffer, { start, end }: Span): unknown {
  return parseJson(bytes.toString("utf8", start, end));
}
