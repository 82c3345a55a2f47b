import type { Chat } from "../../shared/openai/chat.ts";
import type { Usage } from "../../shared/spend.ts";
import type { GatewayError } from "../errors.ts";
import type { Fields } from "../providers/json.ts";
import type { ModelEvent } from "../providers/model-event.ts";
import type { EscapedText } from "../wire/escaped-text.ts";
import type { Span } from "../wire/span.ts";

/**
 * A wire format that clients speak on a route: how its requests become a chat, how what a model says becomes its reply, and
 * how the same format is read where the upstream speaks it too and its bytes pass through.
 */
export interface Dialect {
  /**
   * The request as a chat, for an upstream that speaks something else.
   *
   * @throws GatewayError `invalid_request` with the `param` at fault
   */
  toChat(request: Readonly<Record<string, unknown>>): Translated;
  /** Writes one streamed reply. */
  createEncoder(head: ReplyHead): StreamEncoder;
  /** Writes a whole reply, before it becomes JSON. */
  encodeReply(events: readonly ModelEvent[], head: ReplyHead): unknown;
  /** An error's body, before it becomes JSON. */
  errorBody(error: GatewayError): unknown;
  /** How replies are read that pass through. */
  readonly native: NativeFormat;
}

export interface Translated {
  readonly chat: Chat;
  /** Parameters of the request that a chat has no words for: the client is told in a header. */
  readonly dropped: readonly string[];
}

/** What a reply says of itself. */
export interface ReplyHead {
  /** Unique, without the format's prefix: `msg_`, `resp_`, `chatcmpl-` go before it. */
  readonly id: string;
  /** The model's name as the client is to see it. */
  readonly model: string;
  readonly createdAtMs: number;
  /** As the client sent it. */
  readonly request: Readonly<Record<string, unknown>>;
  /** What the prompt is estimated at, for formats that tell it before the upstream has. */
  readonly promptTokens: number;
}

/** Every answer is text that goes to the client as it is: server-sent events, each with its blank line, or nothing. */
export interface StreamEncoder {
  /** `usage` and `finish` are kept: what tells that a reply is whole is sent by `end`. Never called with `error`. */
  encode(event: ModelEvent): string;
  /** The last of a reply that is complete, sent once it is accounted for. */
  end(): string;
  /** The last of one that broke off. */
  fail(error: GatewayError): string;
}

/** A stream of the dialect as it comes from an upstream, read in place. */
export interface NativeFormat {
  /** Reads one stream, event by event: what each says, as far as the gateway cares. What the model generated is added to `text`. */
  createReader(): (bytes: Buffer, event: Span, text: EscapedText) => NativeEvent;
  /** The `usage` of a whole reply. */
  readUsage(reported: unknown): Usage | undefined;
  /** What was generated in a whole reply, for counting where no usage was reported. */
  generatedText(body: Buffer): string;
  /** Whether what an event carries says nothing yet, as those do that every stream begins with. */
  isOpening(payload: Fields): boolean;
  /** Whether clients read of an error in a whole reply: elsewhere they are told of it by its status. */
  readonly repliesTellErrors: boolean;
  /** What a client is owed at the end of a stream whose upstream left it out; undefined where such a stream is broken. */
  readonly missingEnd: string | undefined;
  /** What a client is sent in the place of the rest of a stream that broke off. */
  errorEvent(error: GatewayError): string;
}

export interface NativeEvent {
  /** It tells that the reply is complete: it is sent once that is accounted for. */
  readonly isDone: boolean;
  /** The value of the model's name, quotes included. */
  readonly model: Span | undefined;
  /** Consumed so far, as this event has it: it replaces what an earlier one said. */
  readonly usage: Usage | undefined;
  /** That usage is of a reply under way, which will have generated more when it ends. */
  readonly isUsageSoFar?: boolean;
  /** It carries the usage and nothing else. */
  readonly isUsageOnly: boolean;
  readonly isError: boolean;
}

/** One of which the gateway has nothing to learn. */
export const silent: NativeEvent = {
  isDone: false,
  model: undefined,
  usage: undefined,
  isUsageOnly: false,
  isError: false,
};
