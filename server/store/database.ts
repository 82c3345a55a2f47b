import postgres from "postgres";
import { columnTypes, type ColumnTypes } from "./column-types.ts";
import { openEmbedded } from "./embedded.ts";
import { refuseOldServer, serverName, serverOptions } from "./database-server.ts";
import { readDatabaseUrl, type DatabaseAddress } from "./database-url.ts";

/** What a statement runs on: the pool or a transaction. */
export type Sql = postgres.ISql<ColumnTypes>;

/** The pool, which can also begin a transaction. Inside `sql.begin(async (tx) => …)` use only `tx`. */
export type SqlPool = postgres.Sql<ColumnTypes>;

export interface DatabaseSettings {
  /** `postgres://…`; without one the embedded database in `dataDir` is used. */
  readonly url?: string | undefined;
  /** A directory, or `memory://` for an embedded database that leaves nothing behind. */
  readonly dataDir: string;
  /** The most connections at once; `connection_limit` in the URL goes before it. */
  readonly poolSize: number;
  /** Prepared statements; a URL of a transaction pooler switches them off. */
  readonly prepare: boolean;
}

export interface Database {
  readonly sql: SqlPool;
  readonly embedded: boolean;
  /** Whether notifications can arrive at all: not through a transaction pooler. */
  readonly listens: boolean;
  /**
   * Calls `onNotify` with the payload of each notification, over a connection of its own that comes back by itself.
   *
   * A notification sent while that connection is away is lost, so `onListening` is called each time it has been
   * made, to look for what was missed. Does nothing when the database does not listen.
   *
   * @returns a function that ends it.
   */
  listen(
    channel: string,
    onNotify: (payload: string) => void,
    onListening?: () => void,
  ): Promise<() => Promise<void>>;
  /** Waits for the queries in flight, for five seconds at most. */
  close(): Promise<void>;
}

const sharedOptions = {
  types: columnTypes,
  // A notice is for a person at a terminal; postgres.js would print it.
  onnotice: () => {},
  // The library waits up to 20 s after an outage; a gateway should be back within a second.
  backoff: (attempt: number) => (0.5 + Math.random() / 2) * Math.min(3 ** attempt / 100, 1),
};

const closeTimeoutSeconds = 5;

/**
 * Opens the database and makes sure that it can be used: reachable, Postgres 15 or newer, the schema there.
 *
 * @throws Error that names the host but never the password; DirectoryInUse when the embedded one is in use.
 */
export async function openDatabase(settings: DatabaseSettings): Promise<Database> {
  return settings.url === undefined
    ? openInProcess(settings)
    : openOnServer(settings.url, settings);
}

async function openInProcess({ dataDir, poolSize, prepare }: DatabaseSettings): Promise<Database> {
  const embedded = await openEmbedded(dataDir);
  const sql = postgres({
    ...sharedOptions,
    // Every one of these has a PG… variable that postgres.js would read instead.
    user: "postgres",
    password: "",
    database: "postgres",
    host: "embedded",
    port: 5432,
    ssl: false,
    max: poolSize,
    prepare,
    idle_timeout: 0,
    max_lifetime: null,
    connect_timeout: 0,
    socket: embedded.socket,
  } as postgres.Options<typeof columnTypes>); // its types leave out `socket`
  const close = () => sql.end({ timeout: closeTimeoutSeconds }).finally(embedded.close);
  await firstQuery(sql`select`, `in "${dataDir}"`, close);
  return { sql, embedded: true, listens: true, listen: listenOn(sql), close };
}

async function openOnServer(url: string, settings: DatabaseSettings): Promise<Database> {
  const address = readDatabaseUrl(url);
  const sql = postgres({
    ...sharedOptions,
    ...(await serverOptions(address)),
    max: address.poolSize ?? settings.poolSize,
    prepare: settings.prepare && !address.pooled,
  });
  const close = () => sql.end({ timeout: closeTimeoutSeconds });
  await firstQuery(checkServer(sql, address), `at ${serverName(address)}`, close);
  // What it has learnt it shares with later connections. It would ask again on each of them, in a promise that nobody
  // catches: a connection that broke at that moment would end the process.
  (sql.options as { fetch_types: boolean }).fetch_types = false;
  const listens = !address.pooled;
  const listen = listens ? listenOn(sql) : async () => async () => {};
  return { sql, embedded: false, listens, listen, close };
}

/** postgres.js learns the types of arrays with its first query, too late for that query's own parameters. */
async function firstQuery(
  query: PromiseLike<unknown>,
  place: string,
  close: () => Promise<void>,
): Promise<void> {
  try {
    await query;
  } catch (error) {
    await close();
    throw new Error(`Cannot use the database ${place}: ${reasonOf(error)}`, { cause: error });
  }
}

async function checkServer(sql: Sql, address: DatabaseAddress): Promise<void> {
  const [server] = await sql<{ number: number; version: string; schema: string | null }[]>`
    select current_setting('server_version_num')::int as number, current_setting('server_version') as version,
           current_schema() as schema`;
  if (!server) throw new Error("it did not answer");
  refuseOldServer(server.number, server.version);
  if (address.schema !== undefined && server.schema !== address.schema)
    throw new Error(
      `its schema "${address.schema}" does not exist, or the pooler does not pass search_path on`,
    );
}

function listenOn(sql: SqlPool): Database["listen"] {
  return async (channel, onNotify, onListening) => {
    let stopped = false;
    // After a reconnection postgres.js no longer knows the listener it would have to remove, so it is told here too.
    const notify = (payload: string) => stopped || onNotify(payload);
    const { unlisten } = await sql.listen(channel, notify, () => stopped || onListening?.());
    return async () => {
      stopped = true;
      await unlisten();
    };
  };
}

/** A refused connection to a name with several addresses is an AggregateError without a message. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.message || ("code" in error ? String(error.code) : error.name);
}
