import { pino } from "pino";
import type { Opening, Settlement } from "../ledger/attempt-json.ts";
import type { Logger } from "../log.ts";
import { uuidv7 } from "../uuid.ts";

const march = Date.parse("2026-03-04T05:06:07.089Z");

/** What the gateway knows of an attempt that is about to leave, but for what the test says. */
export function opening(fields: Partial<Opening> = {}): Opening {
  return {
    id: uuidv7(fields.startedAtMs ?? march),
    requestId: "request-1",
    owner: { id: "key_1", userId: null, tags: [] },
    target: { group: "gpt", id: "gpt/openai", upstreamModel: "gpt-5-mini", rateCard: null },
    model: "gpt",
    streamed: true,
    startedAtMs: march,
    windows: [],
    estimate: { cost: 1n, inputTokens: 1, outputTokens: 1 },
    ...fields,
  };
}

/** How the gateway would say that it ended, but for what the test says: for one picodollar. */
export function settlement(fields: Partial<Settlement> = {}): Settlement {
  return {
    status: "success",
    errorCode: null,
    usage: undefined,
    cost: 1n,
    estimated: false,
    endedAtMs: march + 1_500,
    ...fields,
  };
}

export interface LogLine {
  readonly level: number;
  readonly msg: string;
  readonly [field: string]: unknown;
}

/** A logger whose lines a test can look at. */
export function recordingLogger(): { readonly logger: Logger; readonly log: readonly LogLine[] } {
  const log: LogLine[] = [];
  const write = (line: string) => void log.push(JSON.parse(line) as LogLine);
  return { logger: pino({}, { write }), log };
}
