import type { Picodollars } from "../../shared/money.ts";

/** What one token of each bucket of `Usage` costs. */
export interface TokenRates {
  input: Picodollars;
  cacheRead: Picodollars;
  cacheWrite: Picodollars;
  cacheWrite1h: Picodollars;
  inputAudio: Picodollars;
  output: Picodollars;
  /** For the part of `output` that was spent on thinking. It equals `output` unless the price list says otherwise. */
  reasoning: Picodollars;
  outputAudio: Picodollars;
}

/** The rates of a whole call, from its first token on, once its prompt is longer than `aboveInputTokens`. */
export interface RateTier extends TokenRates {
  /** The prompt counts in full here: cached and audio tokens too. A prompt of exactly this length is below the tier. */
  aboveInputTokens: number;
}

export const zeroRates: TokenRates = {
  input: 0n,
  cacheRead: 0n,
  cacheWrite: 0n,
  cacheWrite1h: 0n,
  inputAudio: 0n,
  output: 0n,
  reasoning: 0n,
  outputAudio: 0n,
};
