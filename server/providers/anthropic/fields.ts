/** Readers of what a stranger sent: nothing here throws, and what is not of the kind asked for is as good as absent. */

export type Fields = Readonly<Record<string, unknown>>;

const noFields: Fields = {};

export function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

export function fieldsOf(value: unknown): Fields {
  return isFields(value) ? value : noFields;
}

/** Empty where it is no text. */
export function textOf(value: unknown): string {
  return typeof value === "string" ? value : "";
}

export function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}
