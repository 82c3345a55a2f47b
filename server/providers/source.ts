/** What an upstream's answer arrives as: pieces of its bytes, or of what its model says. */
export interface Source<Piece> {
  /** Hands the answer over, what has arrived meanwhile first. To be called once. */
  read(reader: Reader<Piece>): void;
  /** Ends the call at once, upstream included. Whoever awaits or reads it is told of a failure of kind `aborted`. */
  abort(): void;
}

/** What reads an answer: pieces as they come, then one end or one failure. */
export interface Reader<Piece> {
  /** False asks for a pause, until `resume` is called. */
  onData(piece: Piece, resume: () => void): boolean;
  onEnd(): void;
  onFailure(failure: CallFailure): void;
}

export interface CallFailure {
  /** `foreign`: an answer came, in no format that was expected. `aborted`: on our own account, because the client is gone. */
  readonly kind: "unreachable" | "timeout" | "broken" | "foreign" | "aborted";
  /** For the operator's log: the error's code or words, without addresses that hold credentials. */
  readonly reason: string;
  /** What the upstream calls the error that it told of in the middle of its answer, such as `overloaded_error`. */
  readonly code?: string | undefined;
}
