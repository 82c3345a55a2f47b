/** So many calls under way that what they hold outweighs the rest of what is in memory. */
const crowdSize = 256;

/** How many calls are under way, so that a drain can wait for the last, and memory is made room in for many. */
export class CallsInFlight {
  readonly #onTurn: (turn: { isCrowded: boolean }) => void;
  #isCrowded = false;
  #count = 0;
  #whenNone: (() => void)[] = [];

  /** `onTurn` is told when a crowd gathers, and when it is down to half that size. */
  constructor(onTurn: (turn: { isCrowded: boolean }) => void) {
    this.#onTurn = onTurn;
  }

  get count(): number {
    return this.#count;
  }

  enter(): void {
    this.#count += 1;
    if (this.#count >= crowdSize && !this.#isCrowded) this.#turn(true);
  }

  leave(): void {
    this.#count -= 1;
    if (this.#isCrowded && this.#count <= crowdSize / 2) this.#turn(false);
    if (this.#count > 0) return;
    const waiting = this.#whenNone;
    this.#whenNone = [];
    for (const resolve of waiting) resolve();
  }

  #turn(isCrowded: boolean): void {
    this.#isCrowded = isCrowded;
    this.#onTurn({ isCrowded });
  }

  /** Resolves when there is none. */
  async none(): Promise<void> {
    if (this.#count > 0) await new Promise<void>((resolve) => this.#whenNone.push(resolve));
  }
}
