import type { IncomingHttpHeaders } from "node:http";

/** Headers, names and values in turn, with those of the client's in their place that it may set for an upstream. */
export function withForwarded(
  headers: readonly string[],
  sent: IncomingHttpHeaders,
  names: readonly string[],
): readonly string[] {
  const named = new Map<string, string>();
  for (let at = 0; at + 1 < headers.length; at += 2)
    named.set(headers[at] ?? "", headers[at + 1] ?? "");
  for (const name of names) {
    const value = sent[name];
    if (typeof value === "string") named.set(name, value);
  }
  return [...named].flat();
}
