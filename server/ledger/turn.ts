/** One thing that is done at a time, by whoever comes first. */
export class Turn {
  #work: Promise<void> | undefined;

  get isTaken(): boolean {
    return this.#work !== undefined;
  }

  /** Resolves when what is being done now is over, however it ended. The next may have been begun by then. */
  over(): Promise<void> | undefined {
    return this.#work?.catch(() => undefined);
  }

  /** Does this, or joins what is being done already. */
  take(work: () => Promise<void>): Promise<void> {
    this.#work ??= work().finally(() => (this.#work = undefined));
    return this.#work;
  }
}
