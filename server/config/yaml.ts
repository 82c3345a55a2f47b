import { isAlias, isMap, isScalar, isSeq, LineCounter, parseDocument, visit } from "yaml";
import type { Document, Node, Pair, YAMLError } from "yaml";
import type { ConfigNote, Path, Remark } from "./note.ts";
import { formatPath } from "./note.ts";
import { untab } from "./tabs.ts";
import { wordsFor } from "./yaml-errors.ts";

export interface YamlReading {
  /** Undefined when there are faults, null when the file is empty. */
  readonly data: unknown;
  readonly faults: readonly ConfigNote[];
  readonly warnings: readonly ConfigNote[];
  readonly locate: (remark: Remark) => ConfigNote;
}

/** Parses a file; one whose indentation holds tabs is parsed as it stands if that is valid, else with the tabs read as spaces. */
export function readYaml(text: string): YamlReading {
  const plain = parse(text, (_line, column) => column);
  if (plain.faults.length === 0 || !text.includes("\t")) return plain;
  const untabbed = untab(text);
  return { ...parse(untabbed.text, untabbed.originalColumn), warnings: untabbed.warnings };
}

function parse(
  text: string,
  originalColumn: (line: number, column: number) => number,
): YamlReading {
  const lineCounter = new LineCounter();
  // The library's pretty errors quote the lines of the file, which may hold keys.
  const document = parseDocument(text, { lineCounter, prettyErrors: false, merge: true });
  const noteAt = (offset: number, path: string, message: string): ConfigNote => {
    const { line, col } = lineCounter.linePos(offset);
    return {
      line: Math.max(1, line),
      column: originalColumn(line, Math.max(1, col)),
      path,
      message,
    };
  };
  const problems: readonly YAMLError[] = [...document.errors, ...document.warnings];
  const faults = problems.map(({ pos, code }) => noteAt(pos[0], "", wordsFor(code)));
  if (faults.length === 0)
    faults.push(...badAliases(document).map((offset) => noteAt(offset, "", wordsFor("BAD_ALIAS"))));
  return {
    // Anchors shared by hundreds of deployments are ordinary; the library's limit of 100 is for files of strangers.
    data: faults.length === 0 ? document.toJS({ maxAliasCount: -1 }) : undefined,
    faults,
    warnings: [],
    locate: ({ path, message, at }) =>
      noteAt(offsetOf(document, path, at === "key"), formatPath(path), message),
  };
}

/** Where aliases stand that name no anchor before them, or the very value they are in. */
function badAliases(document: Document): number[] {
  const anchors = new Map<string, Node>();
  const offsets: number[] = [];
  visit(document, {
    Node: (_key, node, ancestors) => {
      if (!isAlias(node)) return void (node.anchor && anchors.set(node.anchor, node));
      const target = anchors.get(node.source);
      if (target === undefined || ancestors.includes(target)) offsets.push(node.range?.[0] ?? 0);
    },
  });
  return offsets;
}

/** The offset of the value at `path` (or of its key), or of the nearest part of the file that holds it. */
function offsetOf(document: Document, path: Path, wantsKey: boolean): number {
  let offset = startOf(document.contents) ?? 0;
  let node: unknown = document.contents;
  for (const [depth, step] of path.entries()) {
    const found = childOf(isAlias(node) ? node.resolve(document) : node, step);
    if (found === undefined) return offset;
    const key = startOf(found.key);
    const value = isEmpty(found.value) ? undefined : startOf(found.value);
    const isLast = depth === path.length - 1;
    offset = (isLast && wantsKey ? (key ?? value) : (value ?? key)) ?? offset;
    node = found.value;
  }
  return offset;
}

function childOf(node: unknown, step: string | number): Partial<Pair> | undefined {
  if (isSeq(node) && typeof step === "number")
    return step < node.items.length ? { value: node.items[step] } : undefined;
  if (!isMap(node)) return undefined;
  return node.items.find(({ key }) => String(isScalar(key) ? key.value : key) === String(step));
}

function startOf(node: unknown): number | undefined {
  const hasRange =
    typeof node === "object" && node !== null && "range" in node && Array.isArray(node.range);
  return hasRange ? Number((node as { range: unknown[] }).range[0]) : undefined;
}

function isEmpty(node: unknown): boolean {
  return isScalar(node) && node.value === null && !node.source;
}
