import type { Usage } from "../../shared/spend.ts";
import type { Reader, Source } from "./source.ts";

/**
 * What a model says, piece by piece, in nobody's wire format: providers decode to it, dialects encode from it. A whole
 * reply is the list of its events.
 *
 * Order: pieces of one text, one thought or one tool call follow each other; `reasoning-signature` follows the thought that it
 * seals; arguments follow their call's `tool-call`. `finish` comes once, after everything that was generated; `usage` may come
 * before or after it, and more than once: the last one counts. After `error` nothing follows.
 */
export type ModelEvent =
  /** The upstream's id of the reply, once and first, where it has one. */
  | { readonly type: "start"; readonly id: string }
  | { readonly type: "text-delta"; readonly text: string }
  /** What the model says in the place of an answer that it will not give. */
  | { readonly type: "refusal-delta"; readonly text: string }
  | { readonly type: "reasoning-delta"; readonly text: string }
  | { readonly type: "reasoning-signature"; readonly signature: string }
  /** A thought that may not be shown, sealed by its provider. */
  | { readonly type: "reasoning-redacted"; readonly data: string }
  | ToolCallStart
  /** A piece of the JSON text of a call's arguments. */
  | { readonly type: "tool-arguments-delta"; readonly index: number; readonly json: string }
  /** `data`: base64. */
  | { readonly type: "image"; readonly mediaType: string; readonly data: string }
  | { readonly type: "usage"; readonly usage: Usage }
  | {
      readonly type: "finish";
      readonly reason: FinishReason;
      /** The stop sequence that ended it, where one did and the upstream says which. */
      readonly stopSequence?: string;
    }
  | {
      readonly type: "error";
      /** In the upstream's words; whoever shows them to a caller takes secrets out. */
      readonly message: string;
      /** The upstream's name for it, such as `overloaded_error`. */
      readonly code: string | null;
      /** Its kind, where it has one beside the name, such as `invalid_request_error`. */
      readonly kind?: unknown;
    };

export interface ToolCallStart {
  readonly type: "tool-call";
  /** Which call of the reply it is, from 0 on. */
  readonly index: number;
  readonly id: string;
  readonly name: string;
  /** Gemini's signature of the thought that led to it. */
  readonly thoughtSignature?: string;
}

/** `pause`: the model stopped to go on in a further call, as Anthropic's `pause_turn` says. */
export type FinishReason = "stop" | "length" | "tool-calls" | "content-filter" | "pause";

/** An answer as what its model says, whoever decodes it. */
export type EventSource = Source<readonly ModelEvent[]>;
export type EventReader = Reader<readonly ModelEvent[]>;
