import { join } from "node:path";
import type { Config } from "../shared/config.ts";
import { usdFromPicodollars } from "../shared/money.ts";
import { within } from "./deadline.ts";
import type { ControlPlane } from "./control/control-plane.ts";
import { callerOfKey } from "./gateway/caller.ts";
import { CallsInFlight } from "./gateway/calls-in-flight.ts";
import { createCatalogSource } from "./gateway/catalog.ts";
import { CustomBudgets } from "./gateway/custom-budgets.ts";
import { loadCustomAuth } from "./gateway/custom-auth.ts";
import type { Gateway } from "./gateway/gateway.ts";
import { KeepAlive } from "./gateway/keep-alive.ts";
import { KeyBudgets } from "./gateway/key-budgets.ts";
import { KeyCache } from "./gateway/key-cache.ts";
import { KeyChanges } from "./gateway/key-changes.ts";
import { RecentOutputs } from "./gateway/recent-outputs.ts";
import { fitHeap } from "./heap.ts";
import { type Books, type BooksSettings, openBooks } from "./ledger/books.ts";
import type { Replica } from "./ledger/replica.ts";
import { createLimiter } from "./limits/create-limiter.ts";
import type { Limiter } from "./limits/limiter.ts";
import type { Logger } from "./log.ts";
import { type MasterKey, resolveMasterKey } from "./master-key.ts";
import type { GaugeReaders } from "./metrics/gauges.ts";
import { Metrics } from "./metrics/metrics.ts";
import { packageRoot } from "./package.ts";
import { Transport } from "./providers/call.ts";
import { comparerOf, hashSecret } from "./secrets.ts";
import { type Database, openDatabase } from "./store/database.ts";
import { findKeyBySecret } from "./store/keys.ts";
import { migrate } from "./store/migrate.ts";

/** Everything that a running gateway consists of. Constructed here and nowhere else. */
export interface Deps {
  readonly config: Config;
  readonly gateway: Gateway;
  readonly plane: ControlPlane;
  readonly books: Books;
  readonly database: Database;
  readonly logger: Logger;
  readonly masterKey: MasterKey | undefined;
  /** Everybody is the admin: there is neither a master key nor a custom auth function. */
  readonly isOpen: boolean;
  readonly isDraining: () => boolean;
  /** The page of GET /metrics: of this process, or of all that serve together. */
  readonly readMetrics: () => Promise<string>;
  /** Brings what is still in memory to the database and lets go of everything. No call may be in flight. */
  close(): Promise<void>;
}

export interface DepsSettings {
  readonly config: Config;
  readonly dataDir: string;
  readonly logger: Logger;
  readonly isDraining: () => boolean;
}

/** A caller who waits longer for a key that is not cached is better told to come again. */
const keyTimeoutMs = 5_000;

/** How long the last rows wait for a database that is away. */
const drainTimeoutMs = 10_000;

/** @throws Error when the database cannot be opened or migrated, or the custom auth function cannot be loaded. */
export async function createDeps({
  config,
  dataDir,
  logger,
  isDraining,
}: DepsSettings): Promise<Deps> {
  const { general_settings: general, litellm_settings: litellm } = config;
  const vouch =
    general.custom_auth === undefined
      ? undefined
      : await loadCustomAuth(general.custom_auth, config.directory);
  const masterKey = await resolveMasterKey(general.master_key, dataDir);
  const { database, books, limiter, endings, close } = await openLasting(config, dataDir, logger);
  const { sql } = database;
  const { ledger, allowances, replica } = books;
  const keyBudgets = new KeyBudgets(allowances);
  const keys = new KeyCache(
    async (hash) => {
      const row = await within(findKeyBySecret(sql, hash), keyTimeoutMs, "look up a key");
      const caller = row && callerOfKey(row);
      if (caller) keyBudgets.note(caller);
      return caller;
    },
    (keyId) => keyBudgets.changed(keyId),
  );
  const changes = new KeyChanges(database, keys, logger);
  const transport = new Transport();
  const inFlight = new CallsInFlight(fitHeap);
  const maxBodyBytes = Math.floor(general.max_request_size_mb * 1_048_576);
  const isMasterKey = masterKey && comparerOf(hashSecret(masterKey.key));
  const catalog = createCatalogSource(config);
  const metrics = new Metrics({ isConfigured: (name) => catalog().names.includes(name) });
  metrics.watch(gaugesOf(books, inFlight));
  const authentication = {
    keys,
    changes,
    isMasterKey,
    vouch,
    maxStalenessMs: general.max_key_staleness_s * 1000,
    maxBodyBytes,
  };
  await changes.start();
  endings.push(
    () => changes.close(),
    () => transport.close(),
  );
  return {
    config,
    database,
    books,
    logger,
    masterKey,
    isDraining,
    isOpen: !masterKey && !vouch,
    readMetrics: () => metrics.text(),
    gateway: {
      authentication,
      transport,
      ledger,
      limiter,
      inFlight,
      keepAlive: new KeepAlive(general.stream_keep_alive_s * 1000),
      treasury: {
        allowances,
        customBudgets: new CustomBudgets(sql, allowances),
        holdsGood: () => replica.holdsGood,
        isStrict: general.budget_enforcement === "strict",
        exceededStatus: general.budget_exceeded_status,
      },
      logger,
      maxBodyBytes,
      catalog,
      metrics,
      recentOutputs: new RecentOutputs(),
      startedAt: new Date(),
      returnUpstreamModel: general.return_upstream_model,
      filesModel: general.files_model,
    },
    plane: {
      sql,
      keys,
      logger,
      timeZone: general.time_zone,
      defaultKeyParams: litellm.default_key_generate_params,
    },
    async close() {
      await inFlight.none();
      await close();
    },
  };
}

/** What outlasts a call, and has to be let go of. */
interface Lasting {
  readonly database: Database;
  readonly books: Books;
  readonly limiter: Limiter;
  /** How everything ends that is to end before the database is closed. */
  readonly endings: (() => Promise<void>)[];
  close(): Promise<void>;
}

async function openLasting(config: Config, dataDir: string, logger: Logger): Promise<Lasting> {
  const { general_settings: general } = config;
  const database = await openMigrated(config, dataDir);
  const endings: Lasting["endings"] = [];
  const close = async () => {
    // Side by side: of a database that has fallen silent each would wait for an answer of its own.
    await Promise.all(endings.map((end) => end()));
    await database.close();
  };
  try {
    const books = await openBooks(database, booksSettings(general, dataDir, logger));
    endings.push(() => books.close(drainTimeoutMs));
    await assertShared(config, database, books.replica);
    const limiter = await createLimiter({
      redisUrl: general.redis_url,
      onRedisFailure: general.redis_failure,
      logger,
    });
    endings.push(() => limiter.close());
    return { database, books, limiter, endings, close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** Replicas that each count rate limits for themselves admit several times what a limit says. */
async function assertShared(
  { general_settings: { redis_url, limits } }: Config,
  { embedded }: Database,
  replica: Replica,
): Promise<void> {
  if (embedded || redis_url !== undefined || limits === "per_replica") return;
  if (await replica.isAlone()) return;
  throw new Error(
    "Cannot serve beside another replica on this database, since each would count rate limits for itself: set general_settings.redis_url, which they share, or general_settings.limits: per_replica, if that is meant",
  );
}

function booksSettings(
  general: Config["general_settings"],
  dataDir: string,
  logger: Logger,
): BooksSettings {
  return {
    dataDir,
    logger,
    flushIntervalMs: general.flush_interval_ms,
    journalMaxBytes: Math.floor(general.journal_max_mb * 1_048_576),
    whenJournalFull: general.journal_full,
    journalSynchronizes: general.journal_fsync === "batch",
    allowanceTtlMs: general.allowance_ttl_s * 1000,
    isStrict: general.budget_enforcement === "strict",
    timeZone: general.time_zone,
  };
}

function gaugesOf({ journal, ledger, allowances }: Books, inFlight: CallsInFlight): GaugeReaders {
  return {
    journalBytes: () => journal.bytes,
    journalSegments: () => journal.segments,
    journalOldestSeconds: () => journal.ageMs / 1000,
    rowsWaiting: () => ledger.waiting,
    flushLagSeconds: () => ledger.lagMs / 1000,
    callsUnaccounted: () => ledger.dropped,
    allowances: () => allowances.holdings.windows,
    allowancesHeldUsd: () => usdFromPicodollars(allowances.holdings.amount),
    callsInFlight: () => inFlight.count,
  };
}

/** The database that the config names, or the embedded one, as it is. */
export function openConfigured(
  { general_settings: general }: Config,
  dataDir: string,
): Promise<Database> {
  return openDatabase({
    url: general.database_url,
    dataDir,
    poolSize: general.database_pool_size,
    prepare: general.database_prepare,
  });
}

async function openMigrated(config: Config, dataDir: string): Promise<Database> {
  const database = await openConfigured(config, dataDir);
  try {
    await migrate(database.sql, join(packageRoot, "migrations"));
    return database;
  } catch (error) {
    await database.close();
    throw error;
  }
}
