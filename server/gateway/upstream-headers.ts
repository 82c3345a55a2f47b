import type { IncomingHttpHeaders } from "node:http";

/** Lists: what the client asks for comes on top of what the operator does. */
const lists: ReadonlySet<string> = new Set(["anthropic-beta"]);

/** Headers, names and values in turn, with those of the client's that it may set for an upstream in the place of their own. */
export function withForwarded(
  headers: readonly string[],
  sent: IncomingHttpHeaders,
  names: readonly string[],
): readonly string[] {
  const named = toMap(headers);
  for (const name of names) {
    const value = sent[name];
    const own = lists.has(name) ? named.get(name) : undefined;
    if (typeof value === "string") named.set(name, own === undefined ? value : `${own},${value}`);
  }
  return [...named].flat();
}

/** The same with further ones: a list that is there already goes on with theirs. */
export function withAdded(
  headers: readonly string[],
  added: readonly string[] = [],
): readonly string[] {
  if (added.length === 0) return headers;
  const named = toMap(headers);
  for (const [name, value] of toMap(added)) {
    const known = named.get(name);
    named.set(name, known === undefined ? value : `${known},${value}`);
  }
  return [...named].flat();
}

function toMap(headers: readonly string[]): Map<string, string> {
  const named = new Map<string, string>();
  for (let at = 0; at + 1 < headers.length; at += 2)
    named.set(headers[at] ?? "", headers[at + 1] ?? "");
  return named;
}
