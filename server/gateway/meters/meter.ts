import type { Usage } from "../../../shared/spend.ts";
import type { Form } from "../../wire/multipart.ts";

/** What a call asks for, as far as that tells what it will consume. */
export interface Asked {
  readonly request: Readonly<Record<string, unknown>>;
  readonly bodyBytes: number;
  readonly form: Form | undefined;
}

/** What an upstream told. */
export interface Told {
  /** Its `usage`. */
  readonly reported: Usage | undefined;
  /** Its whole reply, where that is JSON. */
  readonly body?: Buffer;
}

/** How it is known what calls of a route consume that is not counted in tokens alone. */
export interface Meter {
  /** What such a call consumes, as a rule: for limits and holds, and what one is charged of which nobody told more. */
  expect(asked: Asked): Usage;
  /** What such a call cannot consume more than. Infinity: nobody can say. */
  ceiling(asked: Asked): Ceiling;
  /** What a call consumed; undefined where that can only be estimated. */
  measure(asked: Asked, told: Told): Usage | undefined;
  /** Whether tokens may be consumed of which the reply cannot tell. */
  readonly hidesTokens: boolean;
  /** Whether an answer that is neither JSON nor a stream of events is one of the route's. */
  pipes(asked: Asked, contentType: string): boolean;
}

export interface Ceiling {
  readonly units: Usage["units"] & object;
  readonly inputTokens: number;
  /** Of each answer. */
  readonly outputTokens: number;
  readonly answers: number;
  /** Whether the reply can report tokens, which are charged beside units then. */
  readonly reportsTokens: boolean;
}

/** Bytes of the prompt's framing for each text of it. */
export const framing = 16;
