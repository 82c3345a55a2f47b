import { redact } from "../log.ts";

const maxCodeLength = 255;

/** What an upstream says, without secrets; undefined where it is no text. */
export function wordsOf(value: unknown, secrets: readonly string[]): string | undefined {
  const text = textOf(value);
  if (text === undefined) return undefined;
  return redact(secrets.reduce((words, secret) => words.replaceAll(secret, "***"), text));
}

/** A code as the ledger's column can hold it: of sane length, without control characters and halves of surrogate pairs. */
export function storable(code: string | undefined): string | undefined {
  return code?.slice(0, maxCodeLength).replaceAll(/[\p{Cc}\p{Cs}]/gu, "");
}

function textOf(value: unknown): string | undefined {
  return typeof value === "string" && value !== ""
    ? value
    : typeof value === "number"
      ? String(value)
      : undefined;
}
