import type postgres from "postgres";

/**
 * How columns come out and bigints go in, beyond what postgres.js does by itself (json and jsonb as values,
 * timestamptz as Date).
 *
 * - `int8` (and so `count(*)`) is a bigint: a Number is wrong above 2^53.
 * - `numeric` without a fraction is a bigint; with one it is left as text, because no number holds it exactly.
 * - A bigint parameter is sent as int8. One that may be larger is sent as `sql.typed.numeric(amount)`.
 */
export const columnTypes = {
  bigint: { to: 20, from: [20], serialize: String, parse: (text: string) => BigInt(text) },
  numeric: { to: 1700, from: [1700], serialize: String, parse: parseNumeric },
} satisfies Record<string, postgres.PostgresType>;

/** The JavaScript types that a parameter may have besides those of postgres.js. */
export type ColumnTypes = { bigint: bigint; numeric: bigint | string };

function parseNumeric(text: string): bigint | string {
  return /^-?\d+$/.test(text) ? BigInt(text) : text;
}
