import type { Chat } from "../../shared/openai/chat.ts";
import type { EmbeddingRequest } from "../../shared/openai/requests.ts";
import type { Usage } from "../../shared/spend.ts";
import type { GatewayError } from "../errors.ts";
import type { Adapter, Embeddings, Target } from "./adapter.ts";
import type { CallFailure } from "./source.ts";
import type { EventSource } from "./model-event.ts";

/**
 * A provider that is reached through a package which speaks its wire format and makes its own connections: an adapter of ours
 * would repeat what that package does. The package is optional, and loaded when the first deployment that names it is called.
 */
export interface Library {
  /** @throws Error in words for the operator: the package that is not installed, the setting that it misses */
  open(settings: LibrarySettings): Promise<LibraryModel>;
}

export interface LibrarySettings {
  /** What follows the provider's name in `model`. */
  readonly model: string;
  readonly apiKey: string | undefined;
  readonly apiBase: string | undefined;
  readonly headers: Readonly<Record<string, string>>;
  /** Of the deployment: `aws_region_name` and its like. */
  readonly options: Readonly<Record<string, string>>;
}

/**
 * A model of a package. What may be wrong with a request shows before it is sent, as with an adapter.
 *
 * Both throw GatewayError `invalid_request` for what cannot be expressed.
 */
export interface LibraryModel {
  /** A whole answer is a source too: its events come at once. */
  prepareChat(chat: Chat, target: Target): LibrarySend<EventSource>;
  /** As an adapter's. */
  readonly inlinesMedia?: Adapter["inlinesMedia"];
  prepareEmbedding?(request: EmbeddingRequest, target: Target): LibrarySend<Embeddings>;
}

/** Sends a request that is in the package's words already. Whatever becomes of it is an outcome: it does not throw. */
export type LibrarySend<Answer> = (limits: LibraryLimits) => Promise<LibraryOutcome<Answer>>;

export interface LibraryLimits {
  readonly signal: AbortSignal;
  /** How long to wait for the head of the answer and, within it, from one piece to the next. */
  readonly timeoutMs: number;
}

export type LibraryOutcome<Answer> =
  | { readonly kind: "answer"; readonly answer: Answer; readonly dropped: readonly string[] }
  | LibraryFailure;

/** `usage`: what was consumed all the same, by those of several calls for one request that were answered. */
export type LibraryFailure = { readonly usage?: Usage | undefined } & (
  | {
      /** The provider said no: in its words, for the same reading as every upstream's. */
      readonly kind: "refused";
      readonly status: number;
      readonly headers: Readonly<Record<string, string | undefined>>;
      readonly body: Buffer;
    }
  | { readonly kind: "failed"; readonly failure: CallFailure }
  /** Nothing has left: the package could not put the request into its vendor's words. */
  | { readonly kind: "inexpressible"; readonly error: GatewayError }
);
