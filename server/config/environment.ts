import type { Path } from "./note.ts";
import { isRecord } from "./record.ts";

export type Environment = Readonly<Record<string, string | undefined>>;

/** A reference to a variable that is not set. */
export interface Missing {
  readonly path: Path;
  readonly variable: string;
}

const prefix = "os.environ/";

/** A variable that is set to nothing counts as not set: compose files and CI systems pass `NAME=` for what they lack. */
export function lookUp(environment: Environment, variable: string): string | undefined {
  return (Object.hasOwn(environment, variable) && environment[variable]) || undefined;
}

/**
 * The environment of the process under the file's `environment_variables`.
 *
 * The file wins, as in LiteLLM, so that a config written for it means the same here. A value may itself be
 * `os.environ/NAME`; where NAME is not set the entry is left out, and whatever needs it says so.
 */
export function withVariables(
  section: unknown,
  environment: Environment,
): { environment: Environment; section: unknown; missing: readonly Missing[] } {
  const { value, missing } = replaceReferences(section, environment, ["environment_variables"]);
  const set = Object.entries(isRecord(value) ? value : {}).filter(
    ([, text]) => ["string", "number", "boolean"].includes(typeof text) && text !== "",
  );
  return {
    environment: {
      ...environment,
      ...Object.fromEntries(set.map(([name, text]) => [name, String(text)])),
    },
    section: value,
    missing,
  };
}

/** Replaces every whole value `os.environ/NAME`; a key whose variable is not set is left out and reported. */
export function replaceReferences(
  value: unknown,
  environment: Environment,
  path: Path = [],
): { value: unknown; missing: readonly Missing[] } {
  const missing: Missing[] = [];
  const replace = (part: unknown, at: Path): unknown => {
    if (typeof part === "string") return replaceText(part, at);
    if (Array.isArray(part)) return part.map((item, index) => replace(item, [...at, index]));
    if (!isRecord(part)) return part;
    const entries = Object.entries(part).map(
      ([key, inner]) => [key, replace(inner, [...at, key])] as const,
    );
    return Object.fromEntries(entries.filter(([, inner]) => inner !== undefined));
  };
  const replaceText = (text: string, at: Path): string | undefined => {
    if (!text.startsWith(prefix)) return text;
    const variable = text.slice(prefix.length);
    const found = lookUp(environment, variable);
    if (found !== undefined) return found;
    missing.push({ path: at, variable });
    // A deployment must name its model: the reference itself stands in, so that only this deployment is out of use.
    return at.at(-1) === "model" ? text : undefined;
  };
  return { value: replace(value, path), missing };
}
