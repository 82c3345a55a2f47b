import { within } from "../deadline.ts";
import { type Logger, redact } from "../log.ts";
import type { Database } from "../store/database.ts";
import { retireReplica } from "../store/replicas.ts";
import { claimOrphans, type JournalFolder } from "./journal-folder.ts";
import { replay } from "./replay.ts";

/** Signs of life and the end of the process wait for this. */
const retireTimeoutMs = 5_000;

interface AdoptionSettings {
  readonly root: string;
  readonly databaseId: string;
  readonly logger: Logger;
}

/** Journals of dead processes in this data directory, on their way to the database. */
export class Adoption {
  readonly #database: Database;
  readonly #settings: AdoptionSettings;
  readonly #waiting = new Set<JournalFolder>();
  #running: Promise<void> | undefined;
  #isClosed = false;

  constructor(database: Database, settings: AdoptionSettings) {
    this.#database = database;
    this.#settings = settings;
  }

  /** Takes over what nobody alive holds. Their replicas count as gone from now on. */
  async claim(): Promise<void> {
    const orphans = await claimOrphans(this.#settings.root);
    for (const folder of orphans) this.#waiting.add(folder);
    for (const { replicaId } of orphans)
      await within(
        retireReplica(this.#database.sql, replicaId),
        retireTimeoutMs,
        "retire a replica that died",
      );
  }

  /** Writes what was claimed to the database. What fails waits for the next time. */
  run(): Promise<void> {
    this.#running ??= this.#replayAll().finally(() => (this.#running = undefined));
    return this.#running;
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#running;
    for (const { lock } of this.#waiting) await lock.release();
  }

  async #replayAll(): Promise<void> {
    for (const folder of this.#waiting) {
      if (this.#isClosed) return;
      try {
        await this.#replay(folder);
        this.#waiting.delete(folder);
      } catch (error) {
        // One that cannot be read does not hold up the others.
        const message = error instanceof Error ? redact(error.message) : String(error);
        this.#settings.logger.warn(
          { message, path: folder.path },
          "cannot write a journal that was left behind: it is tried again",
        );
      }
    }
  }

  async #replay(folder: JournalFolder): Promise<void> {
    const { root, databaseId: id, logger } = this.#settings;
    const { sql } = this.#database;
    const replayed = await replay({ root, database: id, sql, logger }, folder);
    logger.info(
      { replicaId: folder.replicaId, ...replayed },
      "a journal was left behind: replayed",
    );
  }
}
