import type { Logger } from "./log.ts";

/** Work that goes on after its reply, so that a drain can wait for it. */
export class Background {
  readonly #logger: Logger;
  readonly #running = new Set<Promise<void>>();

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  /** What fails is written to the log: nobody is left to be told, and the process is to go on. */
  run(work: Promise<void>): void {
    const tracked = work
      .catch((error: unknown) => this.#logger.error({ error }, "work after a reply failed"))
      .finally(() => this.#running.delete(tracked));
    this.#running.add(tracked);
  }

  async settled(): Promise<void> {
    while (this.#running.size > 0) await Promise.allSettled(this.#running);
  }
}
