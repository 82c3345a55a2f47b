import { destination, pino, type Logger } from "pino";

export type { Logger };

/** What must not stand in a log line, whoever put it there: secrets by their own prefix, in URLs, headers and messages. */
const secretPattern = /\b(sk-|Bearer\s+)[\w.~+/=-]{4,}/gi;
const urlPasswordPattern = /(\b[a-z][a-z\d+.-]*:\/\/[^\s:/@]*):[^\s@]+@/gi;

/** Replaces every key and every password of a URL by asterisks. */
export function redact(text: string): string {
  return text.replace(secretPattern, "$1***").replace(urlPasswordPattern, "$1:***@");
}

export interface LogSettings {
  /** Adds a line per call. */
  readonly verbose: boolean;
  readonly silent?: boolean;
}

/** Structured lines on standard error. Secrets are redacted from the finished line, wherever in it they stand. */
export function createLogger({ verbose, silent }: LogSettings): Logger {
  const level = silent ? "silent" : verbose ? "debug" : "info";
  return pino({ level, hooks: { streamWrite: redact } }, destination(2));
}
