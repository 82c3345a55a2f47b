/** Work that goes on after its reply, so that a drain can wait for it. */
export class Background {
  readonly #running = new Set<Promise<void>>();

  run(work: Promise<void>): void {
    const tracked = work.finally(() => this.#running.delete(tracked));
    this.#running.add(tracked);
  }

  async settled(): Promise<void> {
    while (this.#running.size > 0) await Promise.allSettled(this.#running);
  }
}
