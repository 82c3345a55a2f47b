import type { CallRequest } from "../../shared/openai/requests.ts";
import type { Form } from "../wire/multipart.ts";
import type { Asked } from "./meters/meter.ts";

/**
 * What a client sent: a body, and what it asks for. Of a call that waits for its upstream the bytes alone are kept, since parsed it
 * takes as much memory again, for as long as a model thinks: who asks for it later has it read anew.
 */
export class Sent implements Asked {
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

  /** As the client sent it. */
  get bodyBytes(): number {
    return this.body.length;
  }

  /** Keeps the bytes alone. */
  fold(): void {
    this.#request = undefined;
  }
}
