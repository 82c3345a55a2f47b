import { join } from "node:path";
import type { Config } from "../shared/config.ts";
import { Background } from "./background.ts";
import { within } from "./deadline.ts";
import type { ControlPlane } from "./control/control-plane.ts";
import { callerOfKey } from "./gateway/caller.ts";
import { createCatalogSource } from "./gateway/catalog.ts";
import { loadCustomAuth } from "./gateway/custom-auth.ts";
import type { Gateway } from "./gateway/gateway.ts";
import { KeyCache } from "./gateway/key-cache.ts";
import { KeyChanges } from "./gateway/key-changes.ts";
import { RecentOutputs } from "./gateway/recent-outputs.ts";
import { Ledger } from "./ledger/ledger.ts";
import type { Logger } from "./log.ts";
import { type MasterKey, resolveMasterKey } from "./master-key.ts";
import { packageRoot } from "./package.ts";
import { Transport } from "./providers/call.ts";
import { hashSecret } from "./secrets.ts";
import { type Database, openDatabase } from "./store/database.ts";
import { findKeyBySecret } from "./store/keys.ts";
import { migrate } from "./store/migrate.ts";

/** Everything that a running gateway consists of. Constructed here and nowhere else. */
export interface Deps {
  readonly config: Config;
  readonly gateway: Gateway;
  readonly plane: ControlPlane;
  readonly database: Database;
  readonly logger: Logger;
  readonly masterKey: MasterKey | undefined;
  /** Everybody is the admin: there is neither a master key nor a custom auth function. */
  readonly isOpen: boolean;
  readonly isDraining: () => boolean;
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
  const database = await openMigrated(config, dataDir);
  const { sql } = database;
  const keys = new KeyCache(async (hash) => {
    const row = await within(findKeyBySecret(sql, hash), keyTimeoutMs, "look up a key");
    return row && callerOfKey(row);
  });
  const changes = new KeyChanges(database, keys, logger);
  const ledger = new Ledger(sql, logger, { flushIntervalMs: general.flush_interval_ms });
  const transport = new Transport();
  const background = new Background(logger);
  const maxBodyBytes = Math.floor(general.max_request_size_mb * 1_048_576);
  const masterKeyHash = masterKey && hashSecret(masterKey.key);
  const authentication = {
    keys,
    changes,
    masterKeyHash,
    vouch,
    maxStalenessMs: general.max_key_staleness_s * 1000,
    maxBodyBytes,
  };
  await changes.start();
  return {
    config,
    database,
    logger,
    masterKey,
    isDraining,
    isOpen: !masterKey && !vouch,
    gateway: {
      authentication,
      transport,
      ledger,
      background,
      logger,
      maxBodyBytes,
      catalog: createCatalogSource(config),
      recentOutputs: new RecentOutputs(),
      startedAt: new Date(),
      returnUpstreamModel: general.return_upstream_model,
    },
    plane: { sql, keys, logger, defaultKeyParams: litellm.default_key_generate_params },
    async close() {
      await background.settled();
      await ledger.drain(drainTimeoutMs);
      await changes.close();
      await transport.close();
      await database.close();
    },
  };
}

async function openMigrated(
  { general_settings: general }: Config,
  dataDir: string,
): Promise<Database> {
  const database = await openDatabase({
    url: general.database_url,
    dataDir,
    poolSize: general.database_pool_size,
    prepare: general.database_prepare,
  });
  try {
    await migrate(database.sql, join(packageRoot, "migrations"));
    return database;
  } catch (error) {
    await database.close();
    throw error;
  }
}
