import { GatewayError } from "../errors.ts";

/** A route that files, or batches of calls of them, are kept and asked after by. */
export interface FileRoute {
  readonly method: "GET" | "POST" | "DELETE";
  /** As h3 matches it, without `/v1`. */
  readonly path: string;
  /** Of the body: a form, which may be large and is not kept in memory, JSON, or none. */
  readonly takes: "form" | "json" | "nothing";
}

/** These and no others are passed on. */
export const fileRoutes: readonly FileRoute[] = [
  { method: "POST", path: "/files", takes: "form" },
  { method: "GET", path: "/files", takes: "nothing" },
  { method: "GET", path: "/files/:id", takes: "nothing" },
  { method: "DELETE", path: "/files/:id", takes: "nothing" },
  { method: "GET", path: "/files/:id/content", takes: "nothing" },
  { method: "POST", path: "/batches", takes: "json" },
  { method: "GET", path: "/batches", takes: "nothing" },
  { method: "GET", path: "/batches/:id", takes: "nothing" },
  { method: "POST", path: "/batches/:id/cancel", takes: "nothing" },
];

/** Parameters of lists; what else an address carries is the client's own. */
const parameters = ["limit", "after", "order", "purpose"] as const;

/**
 * A route with its id, as `allowed_routes` knows it and as it goes upstream, a slash before it.
 *
 * @throws GatewayError `invalid_request` for an id that could be more than an id
 */
export function pathOf({ path }: FileRoute, id: string | undefined): string {
  if (id === undefined) return path;
  if (!/^[\w-]+$/.test(id))
    throw new GatewayError(
      "invalid_request",
      `Cannot use id ${JSON.stringify(id)}: expected letters, digits, "_" and "-"`,
      { param: "id" },
    );
  return path.replace(":id", id);
}

/** With its question mark, or empty. */
export function queryOf(asked: URLSearchParams): string {
  const passed = new URLSearchParams();
  for (const name of parameters) {
    const value = asked.get(name);
    if (value !== null) passed.set(name, value);
  }
  return passed.size === 0 ? "" : `?${passed}`;
}
