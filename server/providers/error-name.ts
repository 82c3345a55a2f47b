import { wordsOf } from "./json.ts";

/** What an upstream calls an error: some have a `code` that is a number or nothing, and the name in `type`. */
export function nameOfError({ code, type }: Readonly<Record<string, unknown>>): string | undefined {
  return wordsOf(code) ?? wordsOf(type) ?? (typeof code === "number" ? String(code) : undefined);
}
