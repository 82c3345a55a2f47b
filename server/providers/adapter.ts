import type { Chat } from "../../shared/openai/chat.ts";
import type { EmbeddingRequest } from "../../shared/openai/requests.ts";
import type { Usage } from "../../shared/spend.ts";
import type { ModelEvent } from "./model-event.ts";

/**
 * A provider whose wire format is its own: how a chat is put into its words, and how its answer is read. Everything here is a
 * pure function of its arguments. The wire, retries, timeouts, keys, prices, limits and accounting are not its business, nor
 * is the format that the client speaks.
 *
 * A new provider is a folder with an `Adapter`, and a line in `registry.ts` that names its address, its key and its id in the
 * price library.
 */
export interface Adapter {
  /**
   * The request as the provider takes it.
   *
   * @throws GatewayError `invalid_request` with the `param` at fault, for what the provider cannot do and the client would miss
   *   in the answer (see `Translation`).
   */
  encode(chat: Chat, target: Target): Encoded;
  /** Reads one streamed answer: called with the parsed `data` of each server-sent event, in their order. Unknown events are none. */
  createDecoder(): (data: unknown) => readonly ModelEvent[];
  /** Reads an answer that was not streamed. Empty where it is no answer of this provider. */
  decodeReply(body: unknown): readonly ModelEvent[];
  /**
   * Reads the body of an answer with a status other than 2xx. Undefined: it has the usual shape, `{"error": {"message", "type",
   * "code"}}`, and its status means what it says.
   */
  readError?(status: number, body: unknown): UpstreamError | undefined;
  /**
   * Set where images and files are taken only as data: what the client names by URL is fetched before `encode`, and is a data URL
   * there, but for the addresses that the provider reads by itself.
   */
  readonly inlinesMedia?: { readonly keeps: (url: string) => boolean };
  readonly embeddings?: EmbeddingAdapter;
}

export interface Target {
  /** The provider's name of the model. */
  readonly model: string;
  readonly isStream: boolean;
  /** The longest answer that the config says the model gives. */
  readonly maxOutputTokens: number | undefined;
  /** What cannot be expressed is left out instead of refused. */
  readonly dropsParameters: boolean;
}

export interface Encoded {
  /** Below the deployment's base address; may carry a query. */
  readonly route: string;
  /** What is sent, before it becomes JSON. */
  readonly body: Readonly<Record<string, unknown>>;
  /** Names and values in turn, beside the deployment's own. */
  readonly headers?: readonly string[];
  /** Parameters that were left out, by their names: the client is told in a header. */
  readonly dropped: readonly string[];
}

export interface UpstreamError {
  /** What the status means in the words of HTTP, where the provider uses another: a key that is refused is 401. */
  readonly status: number;
  readonly message: string | undefined;
  readonly type: string | undefined;
  readonly code: string | null;
}

export interface EmbeddingAdapter {
  /** @throws GatewayError `invalid_request` with the `param` at fault: token ids, for one, where the provider takes text only. */
  encode(request: EmbeddingRequest, target: Target): Encoded;
  /** Undefined where it is no answer of this provider. */
  decode(body: unknown): Embeddings | undefined;
}

export interface Embeddings {
  /** One for each input, in their order. */
  readonly vectors: readonly (readonly number[])[];
  /** Undefined where the provider does not say: then it is counted. */
  readonly usage: Usage | undefined;
}
