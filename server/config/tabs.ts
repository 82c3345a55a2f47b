import type { ConfigNote } from "./note.ts";

export interface Untabbed {
  readonly text: string;
  /** One for each line that was changed. */
  readonly warnings: readonly ConfigNote[];
  /** The column in the file as the operator sees it, of a column in `text`. */
  readonly originalColumn: (line: number, column: number) => number;
}

/** Reads each tab in the indentation as two spaces. */
export function untab(text: string): Untabbed {
  const tabsByLine = new Map<number, number>();
  const warnings: ConfigNote[] = [];
  const lines = text.split("\n").map((line, index) => {
    const indentation = /^[ \t]*(?=\S)/.exec(line)?.[0] ?? "";
    if (!indentation.includes("\t")) return line;
    tabsByLine.set(index + 1, indentation.split("\t").length - 1);
    const column = indentation.indexOf("\t") + 1;
    warnings.push({
      line: index + 1,
      column,
      path: "",
      message: "A tab in the indentation is read as two spaces",
    });
    return indentation.replaceAll("\t", "  ") + line.slice(indentation.length);
  });
  // Each tab became two characters, so whatever follows the indentation moved right by one for each.
  const originalColumn = (line: number, column: number) =>
    Math.max(1, column - (tabsByLine.get(line) ?? 0));
  return { text: lines.join("\n"), warnings, originalColumn };
}
