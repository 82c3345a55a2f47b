import { findPostgres, startPostgres } from "../server/testing/postgres.ts";

/** Where gateways under test keep their account: the Postgres at a given URL, else one of the bench's own. */
export interface Databases {
  /** The URL for one gateway; a new database each time, unless the bench was given one. */
  next: () => Promise<string>;
  stop: () => Promise<void>;
}

export async function openDatabases(givenUrl: string | undefined): Promise<Databases> {
  if (givenUrl !== undefined) return { next: async () => givenUrl, stop: async () => {} };
  const [installed] = await findPostgres();
  if (installed === undefined)
    throw new Error("Cannot find a Postgres to start: install one, or give --database-url");
  const server = await startPostgres(installed.binDirectory);
  return { next: async () => (await server.createDatabase()).url, stop: () => server.stop() };
}
