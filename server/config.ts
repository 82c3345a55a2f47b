import { readFile } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import type { Config } from "../shared/config.ts";
import type { Environment } from "./config/environment.ts";
import { deepFreeze } from "./config/freeze.ts";
import { interpret } from "./config/interpret.ts";
import type { ConfigNote } from "./config/note.ts";
import { readYaml } from "./config/yaml.ts";

export { type ConfigNote, formatNote } from "./config/note.ts";

/** Notes are in the order of the file. Warnings are there to be shown whether or not the config can be used. */
export type ConfigReading =
  | { readonly ok: true; readonly config: Config; readonly warnings: readonly ConfigNote[] }
  | {
      readonly ok: false;
      readonly faults: readonly ConfigNote[];
      readonly warnings: readonly ConfigNote[];
    };

export interface ConfigSource {
  readonly text: string;
  /** The folder of the file, absolute. */
  readonly directory: string;
  readonly environment: Environment;
}

/** Makes a config of the text of a config.yaml, or tells all of its faults at once. */
export function readConfig({ text, directory, environment }: ConfigSource): ConfigReading {
  const yaml = readYaml(text);
  if (yaml.faults.length > 0)
    return { ok: false, faults: inOrder(yaml.faults), warnings: yaml.warnings };
  const { file, faults, warnings: remarks } = interpret(yaml.data, environment);
  const warnings = inOrder([...yaml.warnings, ...remarks.map(yaml.locate)]);
  if (!file) return { ok: false, faults: inOrder(faults.map(yaml.locate)), warnings };
  return { ok: true, config: deepFreeze({ ...file, directory }), warnings };
}

/** Reads a config.yaml from disk. A file that cannot be read is a fault like any other. */
export async function loadConfig(
  file: string,
  environment: Environment = process.env,
): Promise<ConfigReading> {
  const text = await readFile(file, "utf8").catch(asError);
  if (typeof text === "string")
    return readConfig({ text, directory: dirname(resolve(file)), environment });
  const message = `Cannot read the config: ${reasonFor(text)}`;
  return { ok: false, faults: [{ line: 1, column: 1, path: "", message }], warnings: [] };
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}

function reasonFor(error: Error): string {
  const code = "code" in error ? error.code : undefined;
  if (code === "ENOENT") return "there is no such file";
  if (code === "EISDIR") return "it is a folder";
  if (code === "EACCES" || code === "EPERM") return "permission denied";
  return error.message;
}

function inOrder(notes: readonly ConfigNote[]): readonly ConfigNote[] {
  return notes.toSorted((left, right) => left.line - right.line || left.column - right.column);
}
