import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { within } from "../deadline.ts";
import type { Logger } from "../log.ts";
import type { SqlPool } from "../store/database.ts";
import { endReplica } from "../store/replicas.ts";
import { idOf } from "./attempt-json.ts";
import {
  type JournalFolder,
  type JournalHeader,
  removeJournalFolder,
  segmentsOf,
  setAside,
} from "./journal-folder.ts";
import { type Line, readLines } from "./lines.ts";
import { Rows } from "./rows.ts";
import { SpendWriter } from "./spend-writer.ts";

/** A connection whose packets are dropped answers nothing for a quarter of an hour. */
const endTimeoutMs = 30_000;

export interface ReplaySettings {
  /** Where the journals are. */
  readonly root: string;
  /** The database that rows may be written to. */
  readonly database: string;
  readonly sql: SqlPool;
  readonly logger: Logger;
}

export interface Replayed {
  /** Attempts that had ended. */
  readonly settled: number;
  /** Attempts that were under way when their process died. */
  readonly interrupted: number;
}

/**
 * Writes what a dead process left in its journal to the database, gives back what it held of budgets, and then removes the journal. What had ended is written
 * as it ended, what had not is charged its estimate. Rows that are there already stay as they are.
 *
 * @throws Error of the database; the journal then stays as it was
 */
export async function replay(settings: ReplaySettings, folder: JournalFolder): Promise<Replayed> {
  const open = new Map<string, Buffer>();
  const cards = new Map<string, string>();
  const unusable = new Map<string, string>();
  const writer = new SpendWriter(settings.sql, settings.logger);
  const write = (rows: Rows) =>
    writer.write(
      { rows, cards: [...cards.values()], replicaId: folder.replicaId, windows: [] },
      () => undefined,
    );
  let settled = 0;
  for (const name of await segmentsOf(folder)) {
    const { lines, fault } = await readSegment(settings, join(folder.path, name));
    if (fault !== undefined) unusable.set(name, fault);
    for (const { kind, json } of lines) {
      if (kind === "C") keepCard(cards, json.toString());
      if (kind === "O") open.set(idOf(json), json);
      if (kind === "S") open.delete(idOf(json));
    }
    const ended = Rows.from(lines.filter(({ kind }) => kind === "S").map(({ json }) => json));
    await write(ended);
    settled += ended.count;
  }
  const interrupted = Rows.from(open.values());
  await write(interrupted);
  await within(endReplica(settings.sql, folder.replicaId), endTimeoutMs, "end a replica");
  for (const [name, fault] of unusable)
    settings.logger.error({ path: await setAside(settings.root, folder, name) }, fault);
  await removeJournalFolder(settings.root, folder);
  return { settled, interrupted: interrupted.count };
}

/** Lines of a segment as far as they are what was written, none if they are of another database, and what is wrong with the rest. */
async function readSegment(
  { database }: ReplaySettings,
  path: string,
): Promise<{ lines: readonly Line[]; fault?: string }> {
  const { lines, end } = readLines(await readFile(path));
  if (lines.length > 0 && databaseOf(lines) !== database)
    return { lines: [], fault: "a journal belongs to another database: it is set aside" };
  if (end === "corrupt")
    return {
      lines,
      fault:
        "a segment of a journal is corrupt: it is set aside, and what could be read of it is written",
    };
  return { lines };
}

function databaseOf([header]: readonly Line[]): string | undefined {
  if (header?.kind !== "H") return undefined;
  return (JSON.parse(header.json.toString()) as Partial<JournalHeader>).database;
}

function keepCard(cards: Map<string, string>, json: string): void {
  cards.set((JSON.parse(json) as { id: string }).id, json);
}
