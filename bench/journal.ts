import { join } from "node:path";
import { packageRoot } from "../server/package.ts";
import type { Opening, Settlement } from "../server/ledger/attempt-json.ts";
import { type Books, type BooksSettings, openBooks } from "../server/ledger/books.ts";
import type { Ledger } from "../server/ledger/ledger.ts";
import { createLogger } from "../server/log.ts";
import { uuidv7 } from "../server/uuid.ts";
import { type Database, openDatabase } from "../server/store/database.ts";
import { migrate } from "../server/store/migrate.ts";

const rows = 100_000;
/** As many calls at once as in the chat scenario. */
const atOnce = 32;
/** Five microseconds where the bare proxy takes 28. */
const targetOfBare = 5 / 28;
const targetReplaySeconds = 5;

export interface JournalBench {
  readonly directory: string;
  readonly databaseUrl: string;
  /** CPU of the bare proxy for a call. */
  readonly bareMicros: number;
}

/** What writing down a call's beginning and its end costs, and how long a dead process's rows take to the database. */
export async function describeJournal(settings: JournalBench): Promise<string> {
  const { directory, databaseUrl, bareMicros } = settings;
  const database = await openDatabase({
    url: databaseUrl,
    dataDir: directory,
    poolSize: 4,
    prepare: true,
  });
  await migrate(database.sql, join(packageRoot, "migrations"));
  const books = settingsIn(directory);
  const dead = await openBooks(database, books);
  await record(dead.ledger, rows / 10);
  const before = process.cpuUsage();
  await record(dead.ledger, rows - rows / 10);
  const { user, system } = process.cpuUsage(before);
  const micros = (user + system) / (rows - rows / 10);
  const share = micros / bareMicros;
  await abandon(dead);
  const replayed = await replay(database, books);
  await database.close();
  return [
    `journal: ${rows} calls begun and ended, ${atOnce} at once, and replayed from another process's journal`,
    `  ${micros.toFixed(1)} µs of CPU a call, where the bare proxy takes ${bareMicros.toFixed(1)}`,
    `  target: CPU at most ${targetOfBare.toFixed(2)} × bare: ${share.toFixed(2)}, ${judgement(share <= targetOfBare)}`,
    `  target: replayed in under ${targetReplaySeconds} s: ${replayed.seconds.toFixed(1)}, ${judgement(replayed.seconds < targetReplaySeconds)}`,
    `  accounting: ${replayed.written} rows written`,
  ].join("\n");
}

function settingsIn(dataDir: string): BooksSettings {
  return {
    dataDir,
    flushIntervalMs: 3_600_000,
    journalMaxBytes: 1024 ** 3,
    whenJournalFull: "refuse",
    journalSynchronizes: false,
    allowanceTtlMs: 600_000,
    isStrict: false,
    timeZone: "UTC",
    logger: createLogger({ verbose: false, silent: true }),
  };
}

async function record(ledger: Ledger, count: number): Promise<void> {
  await Promise.all(
    Array.from({ length: atOnce }, async () => {
      for (let call = 0; call < count / atOnce; call += 1) {
        const entry = await ledger.open(opening());
        if (!entry) throw new Error("Cannot measure the journal: it refused a call");
        await ledger.settle(entry, settlement);
      }
    }),
  );
}

const owner = { id: `key_${"0".repeat(32)}`, userId: null, tags: [] };
const target = { group: "bench", id: "0123456789abcdef", upstreamModel: "bench", rateCard: null };

function opening(): Opening {
  const startedAtMs = Date.now();
  return {
    id: uuidv7(startedAtMs),
    requestId: uuidv7(startedAtMs),
    owner,
    target,
    model: "bench",
    streamed: false,
    startedAtMs,
    windows: [],
    estimate: { cost: 586_000_000n, inputTokens: 250, outputTokens: 187 },
  };
}

const settlement: Settlement = {
  status: "success",
  errorCode: null,
  usage: {
    input: 212,
    cache_read: 0,
    cache_write: 0,
    cache_write_1h: 0,
    input_audio: 0,
    output: 187,
    reasoning: 0,
    output_audio: 0,
  },
  cost: 586_000_000n,
  estimated: false,
  endedAtMs: Date.now(),
};

/** As if its process had been killed. */
async function abandon({ ledger, allowances, replica, journal, folder }: Books): Promise<void> {
  ledger.close();
  allowances.close();
  await replica.retire();
  await journal.close();
  await folder.lock.release();
}

async function replay(database: Database, settings: BooksSettings) {
  const startedMs = performance.now();
  const heir = await openBooks(database, settings);
  await heir.adopted;
  const seconds = (performance.now() - startedMs) / 1000;
  const [counted] = await database.sql<[{ n: bigint }]>`select count(*) as n from spend_log`;
  await heir.close(10_000);
  return { seconds, written: counted.n };
}

function judgement(isMet: boolean): string {
  return isMet ? "met" : "missed";
}
