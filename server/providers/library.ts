import type { Chat } from "../../shared/openai/chat.ts";
import type { EmbeddingRequest } from "../../shared/openai/requests.ts";
import type { Adapter, Embeddings, Target } from "./adapter.ts";
import type { CallFailure } from "./call.ts";
import type { EventSource } from "./event-source.ts";

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

export interface LibraryModel {
  /**
   * Calls the model. A whole answer is a source too: its events come at once.
   *
   * @throws GatewayError `invalid_request` for what cannot be expressed, before anything has left
   */
  chat(chat: Chat, target: Target, limits: LibraryLimits): Promise<LibraryOutcome<EventSource>>;
  /** As an adapter's. */
  readonly inlinesMedia?: Adapter["inlinesMedia"];
  embed?(
    request: EmbeddingRequest,
    target: Target,
    limits: LibraryLimits,
  ): Promise<LibraryOutcome<Embeddings>>;
}

export interface LibraryLimits {
  readonly signal: AbortSignal;
  /** How long to wait for the head of the answer and, within it, from one piece to the next. */
  readonly timeoutMs: number;
}

export type LibraryOutcome<Answer> =
  | { readonly kind: "answer"; readonly answer: Answer; readonly dropped: readonly string[] }
  /** The provider refused: what it said, for the same reading as every upstream's. */
  | {
      readonly kind: "refused";
      readonly status: number;
      readonly headers: Readonly<Record<string, string | undefined>>;
      readonly body: Buffer;
    }
  | { readonly kind: "failed"; readonly failure: CallFailure };
