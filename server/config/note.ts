/** A place in the file by its keys: `["model_list", 0, "model_name"]`. */
export type Path = readonly (string | number)[];

/** Something to say about a place in the file, before it is known where that is. Holds no secret. */
export interface Remark {
  readonly path: Path;
  readonly message: string;
  /** Points at the key instead of at its value. */
  readonly at?: "key";
}

/** A fault or a warning. `line` and `column` count from 1; `path` reads `model_list[0].model_name`, or is empty. */
export interface ConfigNote {
  readonly line: number;
  readonly column: number;
  readonly path: string;
  readonly message: string;
}

/** As `config.yaml:12:5: message`, which editors and terminals open at the place. */
export function formatNote(file: string, note: ConfigNote): string {
  return `${file}:${note.line}:${note.column}: ${note.message}`;
}

export function formatPath(path: Path): string {
  return path
    .map((step, index) =>
      typeof step === "number" ? `[${step}]` : index === 0 ? step : `.${step}`,
    )
    .join("");
}
