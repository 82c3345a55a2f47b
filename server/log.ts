import { destination, pino, type Logger } from "pino";

export type { Logger };

/**
 * What must not stand in a log line, whoever put it there: secrets by their own prefix or scheme, by the name of their
 * field, be it within text that was quoted once more, and by that of a query parameter.
 */
const secretPatterns = [
  /\b(sk-|gsk_|hf_|xai-|pplx-|fw_|(?:Bearer|Basic)\s+)[\w.~+/=-]{4,}/gi,
  /((?:api[-_]?key|authorization)\\*["']\s*:\s*\\*["'])[^"'\\]+/gi,
  /((?:[?&]key|api[-_]?key)=)[^\s&"'\\#]+/gi,
];
/** A quote ends it: log lines are JSON without spaces. */
const urlPattern = /\b([a-z][a-z\d+.-]{0,30}:\/\/)([^\s"]+)/gi;

/** Replaces every key and every password of a URL by asterisks. */
export function redact(text: string): string {
  return secretPatterns
    .reduce((line, pattern) => line.replace(pattern, "$1***"), text)
    .replace(urlPattern, (_url, scheme: string, rest: string) => scheme + withoutPassword(rest));
}

/** A password may hold `/`, `:` and `@` that nobody has encoded, so it reaches to the last `@`: rather too much is hidden. */
function withoutPassword(rest: string): string {
  const [colon, at] = [rest.indexOf(":"), rest.lastIndexOf("@")];
  return colon === -1 || at < colon ? rest : `${rest.slice(0, colon)}:***${rest.slice(at)}`;
}

export interface LogSettings {
  /** Adds a line for each attempt and each refused request. */
  readonly verbose: boolean;
  readonly silent?: boolean;
}

/** Structured lines on standard error. Secrets are redacted from the finished line, wherever in it they stand. */
export function createLogger({ verbose, silent }: LogSettings): Logger {
  const level = silent ? "silent" : verbose ? "debug" : "info";
  return pino({ level, hooks: { streamWrite: redact } }, destination(2));
}
