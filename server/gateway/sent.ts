import type { CallRequest } from "../../shared/openai/requests.ts";
import type { Form } from "../wire/multipart.ts";
import type { Asked } from "./meters/meter.ts";

/**
 * What a client sent: a body, and what it asks for. Parsed it takes as much memory again, so of a call that passes through the
 * bytes alone are kept while its upstream is at work: for who asks for more after all they are read anew.
 */
export class Sent implements Asked {
  /** As it came, but with the model in it that the path names, if it does. */
  readonly body: Buffer;
  /** The body's parts, where it is a form. */
  readonly form: Form | undefined;
  readonly #read: () => CallRequest;
  #request: CallRequest | undefined;

  /** `request`: what `read` makes of the body. */
  constructor(body: Buffer, form: Form | undefined, request: CallRequest, read: () => CallRequest) {
    this.body = body;
    this.form = form;
    this.#request = request;
    this.#read = read;
  }

  /** The body's fields, without a `stream` that its endpoint does not heed. */
  get request(): CallRequest {
    this.#request ??= this.#read();
    return this.#request;
  }

  get bodyBytes(): number {
    return this.body.length;
  }

  /** Keeps the bytes alone. */
  fold(): void {
    this.#request = undefined;
  }
}
