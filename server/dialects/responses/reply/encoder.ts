import type { GatewayError } from "../../../errors.ts";
import type { ModelEvent } from "../../../providers/model-event.ts";
import type { ReplyHead, StreamEncoder } from "../../dialect.ts";
import { failureOf } from "../errors.ts";
import { EventLog } from "./event-log.ts";
import { ReplyWriter } from "./reply-writer.ts";
import { echoOf, progressOf, type ResponseState } from "./response-body.ts";

const atFirst: ResponseState = {
  status: "in_progress",
  error: null,
  incompleteReason: undefined,
  output: [],
  usage: undefined,
};

/** See `Dialect.createEncoder`. */
export class ResponsesEncoder implements StreamEncoder {
  readonly #head: ReplyHead;
  readonly #log: EventLog;
  readonly #writer: ReplyWriter;
  /** Members of JSON, made once: with the tools of a coding agent they take 40 KB, and three events carry them. */
  readonly #echo: string;
  #hasBegun = false;

  constructor(head: ReplyHead) {
    this.#head = head;
    this.#log = new EventLog(head.id);
    this.#writer = new ReplyWriter(this.#log, head.request);
    this.#echo = JSON.stringify(echoOf(head)).slice(1, -1);
  }

  encode(event: ModelEvent): string {
    const beginning = this.#begin();
    return beginning + this.#writer.write(event);
  }

  end(): string {
    const beginning = this.#begin();
    const closed = this.#writer.end();
    const { state } = this.#writer;
    return beginning + closed + this.#progress(`response.${state.status}`, state);
  }

  fail(error: GatewayError): string {
    const beginning = this.#begin();
    const { output, usage } = this.#writer.state;
    const state: ResponseState = {
      status: "failed",
      error: failureOf(error),
      incompleteReason: undefined,
      output,
      usage,
    };
    return beginning + this.#progress("response.failed", state);
  }

  #begin(): string {
    if (this.#hasBegun) return "";
    this.#hasBegun = true;
    return (
      this.#progress("response.created", atFirst) + this.#progress("response.in_progress", atFirst)
    );
  }

  #progress(type: string, state: ResponseState): string {
    const progress = JSON.stringify(progressOf(this.#head, state)).slice(0, -1);
    return this.#log.event(type, `"response":${progress},${this.#echo}}`);
  }
}

/** See `Dialect.encodeReply`: what the last event of a stream would hold. */
export function encodeReply(events: readonly ModelEvent[], head: ReplyHead): unknown {
  const writer = new ReplyWriter(new EventLog(head.id), head.request);
  for (const event of events) writer.write(event);
  writer.end();
  return { ...progressOf(head, writer.state), ...echoOf(head) };
}
