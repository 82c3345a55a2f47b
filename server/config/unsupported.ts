import type { Lack } from "./known.ts";
import { instead, laterModes } from "./known.ts";
import type { Level } from "./levels.ts";
import { child, fileLevel, lackOf } from "./levels.ts";
import type { Path, Remark } from "./note.ts";
import { formatPath } from "./note.ts";
import { isRecord } from "./record.ts";

/** A warning about a setting that is not implemented; `lack` says what follows from that. */
export interface LackWarning extends Remark {
  readonly lack: Lack;
}

/** Takes out what this version does not implement, with a warning for each. */
export function setAside(data: unknown): { data: unknown; warnings: readonly LackWarning[] } {
  const warnings: LackWarning[] = [];
  return { data: strip(data, fileLevel, { path: [], warnings }), warnings };
}

interface Walk {
  readonly path: Path;
  readonly warnings: LackWarning[];
}

function strip(value: unknown, level: Level, { path, warnings }: Walk): unknown {
  if (level.isList && Array.isArray(value)) {
    const item = { ...level, isList: undefined };
    return value.map((entry, index) => strip(entry, item, { path: [...path, index], warnings }));
  }
  if (!isRecord(value)) return value;
  const kept = Object.entries(value).flatMap(([key, inner]) => {
    const warning = lackWarning(level, { key, value: inner, path: [...path, key] });
    if (warning) warnings.push(warning);
    if (warning) return [];
    const within = child(level, key);
    return [[key, within ? strip(inner, within, { path: [...path, key], warnings }) : inner]];
  });
  return Object.fromEntries(kept);
}

function lackWarning(
  level: Level,
  { key, value, path }: { key: string; value: unknown; path: Path },
): LackWarning | undefined {
  if (level.keys.includes(key)) return laterModeWarning(path, value);
  const lack = lackOf(level, key);
  if (!lack) return undefined;
  const advice = Object.hasOwn(instead, key) ? `; write "${instead[key]}" instead` : "";
  return { path, message: `${lead(path)}: ${consequences[lack]}${advice}`, at: "key", lack };
}

function laterModeWarning(path: Path, value: unknown): LackWarning | undefined {
  const isMode = path.length === 4 && path[2] === "model_info" && path[3] === "mode";
  if (!isMode || typeof value !== "string" || !laterModes.includes(value)) return undefined;
  return {
    path,
    message: `${lead(path, ` "${value}"`)}: ${consequences.ignored}`,
    lack: "ignored",
  };
}

const consequences: Readonly<Record<Lack, string>> = {
  ignored: "it is ignored",
  unenforced: "it is ignored and NOT enforced",
  uncharged: "it is ignored and calls are NOT charged by it",
  withheld: "this model is unavailable",
};

function lead(path: Path, value = ""): string {
  return `Keyplane does not support ${formatPath(path)}${value} yet`;
}
