import { randomBytes } from "node:crypto";
import postgres from "postgres";

export interface CreatedDatabase {
  readonly url: string;
  readonly name: string;
  /** Removes it, whoever is still connected. */
  drop(): Promise<void>;
}

/** Makes a database on the server at `serverUrl`, empty or as a copy of `template`: of its files, not page by page into the log. */
export async function createDatabase(
  serverUrl: string,
  { template = "template1" }: { template?: string } = {},
): Promise<CreatedDatabase> {
  const name = `test_${randomBytes(6).toString("hex")}`;
  await asAdministrator(
    serverUrl,
    (sql) => sql`create database ${sql(name)} template ${sql(template)} strategy file_copy`,
  );
  const url = new URL(serverUrl);
  url.pathname = `/${name}`;
  const drop = () =>
    asAdministrator(serverUrl, (sql) => sql`drop database if exists ${sql(name)} with (force)`);
  return { url: url.href, name, drop };
}

async function asAdministrator(
  serverUrl: string,
  act: (sql: postgres.Sql) => PromiseLike<unknown>,
): Promise<void> {
  const sql = postgres(serverUrl, { max: 1, fetch_types: false, onnotice: () => {} });
  try {
    await act(sql);
  } finally {
    await sql.end();
  }
}
