import type { z } from "zod";
import { homeOf, lackOf, levelAt } from "./levels.ts";
import type { Path, Remark } from "./note.ts";
import { formatPath } from "./note.ts";
import { nearest } from "./suggest.ts";

type Issue = z.core.$ZodIssue;

/** In words, what a schema found. Never quotes a value: it may be a key or an address with a password. */
export function describeIssue(issue: Issue): readonly Remark[] {
  const path = issue.path.map((step) => (typeof step === "number" ? step : String(step)));
  if (issue.code === "unrecognized_keys")
    return issue.keys.map((key) => ({
      path: [...path, key],
      message: unknownKey(key, path),
      at: "key",
    }));
  return [{ path, message: `${formatPath(path) || "The file"} ${predicate(issue)}` }];
}

function predicate(issue: Issue): string {
  switch (issue.code) {
    case "invalid_type":
      return mismatch(issue.expected, issue.input);
    case "invalid_value":
      return `must be one of ${issue.values.map((value) => JSON.stringify(value)).join(", ")}`;
    case "too_small":
      return issue.origin === "number"
        ? `must be ${issue.inclusive ? "at least" : "above"} ${issue.minimum}`
        : "must not be empty";
    case "too_big":
      return `must be at most ${issue.maximum}`;
    case "invalid_key":
      return issue.issues[0]?.message ?? "cannot be used as a key";
    case "invalid_union":
      return "must be text, a number, true, false, a list or a mapping";
    default:
      return issue.message;
  }
}

const kinds: Readonly<Record<string, string>> = {
  string: "text",
  number: "a number",
  int: "a whole number",
  boolean: "true or false",
  array: "a list",
  object: "a mapping",
  record: "a mapping",
};

function mismatch(expected: string, input: unknown): string {
  if (input === undefined) return "is missing";
  if (input === null) return "has no value";
  if (expected === "int" && typeof input === "number") return "must be a whole number";
  const found = kinds[Array.isArray(input) ? "array" : typeof input] ?? typeof input;
  const advice = expected === "string" && typeof input !== "object" ? ": put it in quotes" : "";
  return `must be ${kinds[expected] ?? expected}, not ${found}${advice}`;
}

function unknownKey(key: string, path: Path): string {
  const place =
    path.length > 0 ? `Unknown key "${key}" in ${formatPath(path)}` : `Unknown key "${key}"`;
  const home = homeOf(key);
  if (home) return `${place}: it belongs in ${home}`;
  const level = levelAt(path);
  const suggestion =
    level &&
    nearest(
      key,
      [...level.keys, ...Object.values(level.lacks).flat()].filter((name) => !name.endsWith("*")),
    );
  if (!suggestion) return place;
  const lacking =
    level.keys.includes(suggestion) || !lackOf(level, suggestion)
      ? ""
      : " (which Keyplane does not support yet)";
  return `${place}: did you mean "${suggestion}"?${lacking}`;
}
