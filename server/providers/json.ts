/** Readers for JSON that a stranger sent: nothing about its shape is taken for granted. */

export type Fields = Readonly<Record<string, unknown>>;

/** The value of a JSON text; undefined where it is none. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

const noFields: Fields = {};
const nothing: readonly unknown[] = [];

export function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The object, or one without fields. */
export function fieldsOf(value: unknown): Fields {
  return isFields(value) ? value : noFields;
}

/** The list, or an empty one. */
export function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : nothing;
}

/** A number of things; undefined for what is no count. */
export function countOf(value: unknown): number | undefined {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0 ? value : undefined;
}

/** A text that says something; undefined for an empty one. */
export function wordsOf(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}

/** The text; empty where it is none. */
export function textOf(value: unknown): string {
  return typeof value === "string" ? value : "";
}

/** Whether it says nothing: what is not there, an empty text or list, and an object of nothing else. */
export function isEmpty(value: unknown): boolean {
  if (Array.isArray(value)) return value.length === 0;
  return value == null || value === "" || (isFields(value) && Object.values(value).every(isEmpty));
}
