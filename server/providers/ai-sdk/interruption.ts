import type { CallFailure } from "../source.ts";
import type { LibraryLimits } from "../library.ts";

const clientGone: CallFailure = { kind: "aborted", reason: "client gone" };

/**
 * What ends a call before its end: the caller is gone, or the upstream is silent for too long. Not every package heeds its
 * signal, so nothing here waits for a package to notice.
 */
export class Interruption {
  readonly #controller = new AbortController();
  readonly #limits: LibraryLimits;
  #failure: CallFailure | undefined;
  #reject: ((reason: Error) => void) | undefined;

  constructor(limits: LibraryLimits) {
    this.#limits = limits;
    if (limits.signal.aborted) this.abort();
    else limits.signal.addEventListener("abort", this.abort);
  }

  /** For the package, which ends its connection by it. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Why the call was interrupted, once it was. */
  get failure(): CallFailure | undefined {
    return this.#failure;
  }

  readonly abort = (): void => this.#interrupt(clientGone);

  /** What the work comes to. Rejects as it does, and when the call is interrupted or the work takes longer than its limit. */
  async within<T>(work: PromiseLike<T>): Promise<T> {
    const { timeoutMs } = this.#limits;
    const reason = `nothing came for ${timeoutMs} ms`;
    const timer = setTimeout(() => this.#interrupt({ kind: "timeout", reason }), timeoutMs);
    try {
      return await this.unlessInterrupted(work);
    } finally {
      clearTimeout(timer);
    }
  }

  /** What the work comes to, however long it takes. One at a time. */
  unlessInterrupted<T>(work: PromiseLike<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#reject = reject;
      work.then(resolve, reject);
      if (this.#failure) reject(new Error(this.#failure.reason));
    });
  }

  /** The call is over: nothing can interrupt it any more. */
  end(): void {
    this.#limits.signal.removeEventListener("abort", this.abort);
  }

  #interrupt(failure: CallFailure): void {
    if (this.#failure) return;
    this.#failure = failure;
    this.end();
    this.#reject?.(new Error(failure.reason));
    this.#controller.abort();
  }
}
