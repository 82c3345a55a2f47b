export type Fields = Readonly<Record<string, unknown>>;

const noFields: Fields = {};

/** A JSON object, or an empty one in the place of anything else: what comes from an upstream is never taken for granted. */
export function fieldsOf(value: unknown): Fields {
  return isFields(value) ? value : noFields;
}

export function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

const noItems: readonly unknown[] = [];

export function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : noItems;
}

/** A text that says something: undefined for an empty one. */
export function textOf(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}

export function countOf(value: unknown): number | undefined {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0 ? value : undefined;
}
