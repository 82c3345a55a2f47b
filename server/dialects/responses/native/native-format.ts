import type { NativeFormat } from "../../dialect.ts";
import { errorEvent } from "../errors.ts";
import { generatedText } from "./generated-text.ts";
import { readStreamEvent } from "./stream-event.ts";
import { readUsage } from "./usage.ts";

const openings: ReadonlySet<unknown> = new Set([
  "response.queued",
  "response.created",
  "response.in_progress",
]);

/** See `Dialect.native`. A stream that ends without one of its three ends is broken: there is nothing to make up for. */
export const native: NativeFormat = {
  createReader: () => readStreamEvent,
  readUsage,
  generatedText,
  isOpening: ({ type }) => openings.has(type),
  repliesTellErrors: true,
  missingEnd: undefined,
  errorEvent,
};
