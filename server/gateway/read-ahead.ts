import { performance } from "node:perf_hooks";
import type { GatewayError } from "../errors.ts";
import type { CallFailure, Reader, Source } from "../providers/source.ts";

/** Why there is no answer. */
export interface NoAnswer {
  readonly failure: CallFailure;
  /** As the client is told of it, where the upstream has said why. */
  readonly error?: GatewayError;
}

/** What a piece of an answer shows: nothing yet, that there is one, or that there will be none. */
export type Verdict = "nothing" | "started" | NoAnswer;

export interface ReadingAhead<Piece> {
  readonly judge: (piece: Piece) => Verdict;
  /** What to make of one that ends before its pieces have shown anything. */
  readonly judgeEnd: () => Exclude<Verdict, "nothing">;
  /** For how long it is read ahead; undefined: to its end if need be. */
  readonly longestMs: number | undefined;
}

/** An answer that is read ahead until its pieces show what will come of it, and then read as if it had not been. */
export class ReadAhead<Piece> implements Source<Piece>, Reader<Piece> {
  /** Why there is none; undefined once there is one. */
  readonly outcome: Promise<NoAnswer | undefined>;
  /** On the monotonic clock; undefined as long as nothing came. */
  firstPieceAtMs: number | undefined;
  readonly #source: Source<Piece>;
  /** Until it is concluded. */
  #reading: ReadingAhead<Piece> | undefined;
  #tell: (outcome: NoAnswer | undefined) => void = () => undefined;
  #pieces: Piece[] = [];
  #end: "ended" | CallFailure | undefined;
  #reader: Reader<Piece> | undefined;

  constructor(source: Source<Piece>, reading: ReadingAhead<Piece>) {
    const { longestMs } = reading;
    this.#source = source;
    this.#reading = reading;
    this.outcome = new Promise((resolve) => {
      const isLate = () => this.#conclude(undefined);
      const timer = longestMs === undefined ? undefined : setTimeout(isLate, longestMs);
      this.#tell = (outcome) => {
        clearTimeout(timer);
        resolve(outcome);
      };
    });
    source.read(this);
  }

  onData(piece: Piece, resume: () => void): boolean {
    if (this.#reader) return this.#reader.onData(piece, resume);
    this.firstPieceAtMs ??= performance.now();
    this.#pieces.push(piece);
    this.#judge(({ judge }) => judge(piece));
    return true;
  }

  onEnd(): void {
    if (this.#reader) return this.#reader.onEnd();
    this.#end = "ended";
    this.#judge(({ judgeEnd }) => judgeEnd());
  }

  onFailure(failure: CallFailure): void {
    if (this.#reader) return this.#reader.onFailure(failure);
    this.#end = failure;
    this.#conclude({ failure });
  }

  read(reader: Reader<Piece>): void {
    this.#reader = reader;
    // The source was not paused for these, and need not be resumed.
    for (const piece of this.#pieces) reader.onData(piece, () => undefined);
    this.#pieces = [];
    if (this.#end === "ended") reader.onEnd();
    else if (this.#end) reader.onFailure(this.#end);
  }

  abort(): void {
    this.#source.abort();
  }

  /** What of an answer that is none is still to come, nobody reads. */
  #conclude(outcome: NoAnswer | undefined): void {
    if (!this.#reading) return;
    this.#reading = undefined;
    this.#tell(outcome);
    if (outcome) this.abort();
  }

  #judge(ask: (reading: ReadingAhead<Piece>) => Verdict): void {
    if (!this.#reading) return;
    let verdict: Verdict;
    try {
      verdict = ask(this.#reading);
    } catch {
      // What cannot be read is for who writes the reply to tell.
      verdict = "started";
    }
    if (verdict !== "nothing") this.#conclude(verdict === "started" ? undefined : verdict);
  }
}
