import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { within } from "../deadline.ts";
import type { Logger } from "../log.ts";
import { uuidv7 } from "../uuid.ts";
import { recallChannel } from "../store/allowances.ts";
import type { Database } from "../store/database.ts";
import { databaseId } from "../store/replicas.ts";
import { Adoption } from "./adoption.ts";
import { Allowances } from "./allowances.ts";
import { Journal } from "./journal.ts";
import {
  createJournalFolder,
  type JournalFolder,
  type JournalHeader,
  removeJournalFolder,
} from "./journal-folder.ts";
import { Ledger } from "./ledger.ts";
import { Replica } from "./replica.ts";

export interface BooksSettings {
  /** The journals are kept below it. */
  readonly dataDir: string;
  readonly flushIntervalMs: number;
  readonly journalMaxBytes: number;
  /** What happens to calls that cannot be written down: they are refused, or they go on and are counted only. */
  readonly whenJournalFull: "refuse" | "drop";
  readonly journalSynchronizes: boolean;
  readonly allowanceTtlMs: number;
  readonly isStrict: boolean;
  readonly timeZone: string;
  readonly logger: Logger;
}

/** Everything that keeps account in this process. */
export interface Books {
  readonly ledger: Ledger;
  readonly allowances: Allowances;
  readonly replica: Replica;
  readonly journal: Journal;
  readonly folder: JournalFolder;
  /** Resolves when the journals that were left behind at the start are in the database, or could not be brought there yet. */
  readonly adopted: Promise<void>;
  /** Brings what is still here to the database, gives back what is held, and lets go. No call may be under way. */
  close(timeoutMs: number): Promise<void>;
}

/** A line that drops what is sent over it would hold up the end of the process. */
const goodbyeTimeoutMs = 2_000;

/** @throws Error when the data directory cannot be written, or the database cannot be asked */
export async function openBooks(database: Database, settings: BooksSettings): Promise<Books> {
  const { sql } = database;
  const { logger } = settings;
  const root = join(settings.dataDir, "journal");
  await mkdir(root, { recursive: true, mode: 0o700 });
  const adoption = new Adoption(database, { root, logger, databaseId: await databaseId(sql) });
  await adoption.claim();
  const folder = await createJournalFolder(root, uuidv7());
  const { replicaId } = folder;
  const header: JournalHeader = { journal: 1, replica: replicaId, database: await databaseId(sql) };
  const journal = new Journal({
    folder: folder.path,
    header: JSON.stringify(header),
    synchronizes: settings.journalSynchronizes,
    maxBytes: settings.journalMaxBytes,
    logger,
  });
  const allowances = new Allowances(sql, { replicaId, timeZone: settings.timeZone, logger });
  const ledger = new Ledger(sql, journal, { ...settings, replicaId, windows: allowances });
  const replica = new Replica(sql, {
    ...settings,
    id: replicaId,
    onForfeit: () => allowances.forfeitAll(),
    onBeat: () => adoption.claim().then(() => void adoption.run()),
  });
  await replica.start();
  const unlisten = await database.listen(recallChannel, (windowId) => {
    void allowances.recall(Number(windowId));
  });
  return {
    ledger,
    allowances,
    replica,
    journal,
    folder,
    adopted: adoption.run(),
    async close(timeoutMs) {
      allowances.close();
      const leave = async () => {
        await replica.retire().catch(() => undefined);
        // Not before: a beat that is under way may yet claim journals.
        await adoption.close();
      };
      const [isEmpty] = await Promise.all([
        ledger.drain(timeoutMs),
        within(unlisten(), goodbyeTimeoutMs, "stop listening").catch(() => undefined),
        within(leave(), timeoutMs, "leave").catch(() => undefined),
      ]);
      await journal.close();
      // What nobody could say of this replica is said by whoever finds its journal.
      if (!isEmpty || !(await hasEnded(replica))) return folder.lock.release();
      await removeJournalFolder(root, folder);
    },
  };
}

function hasEnded(replica: Replica): Promise<boolean> {
  return replica.end().then(
    () => true,
    () => false,
  );
}
