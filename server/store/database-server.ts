import { readFile } from "node:fs/promises";
import type { ConnectionOptions } from "node:tls";
import type postgres from "postgres";
import type { columnTypes } from "./column-types.ts";
import type { DatabaseAddress } from "./database-url.ts";

type ServerOptions = Omit<postgres.Options<typeof columnTypes>, "host" | "port"> & {
  host?: never;
  port?: never;
};

const oldestVersion = 150_000;

/** How postgres.js connects to an address. Reads the certificates that it names. */
export async function serverOptions(address: DatabaseAddress): Promise<ServerOptions> {
  const hosts = {
    host: address.hosts.map(({ host }) => host),
    port: address.hosts.map(({ port }) => port),
  };
  return {
    ...(address.socketPath === undefined ? asDeclared(hosts) : { path: address.socketPath }),
    user: address.user,
    password: address.password,
    database: address.database,
    // A local socket is never encrypted, and asking for it costs a round trip.
    ssl: address.socketPath === undefined ? await encryptionOf(address) : false,
    target_session_attrs: address.targetSession,
    connect_timeout: address.connectTimeoutSeconds ?? 10,
    // The hot path makes no queries, so a burst's connections would be held for ever; five minutes covers a flush each second.
    idle_timeout: 300,
    connection: {
      application_name: address.applicationName ?? "keyplane",
      // The server takes these from the first message of a connection, so they hold behind a pooler too, if it passes them on.
      ...(address.schema !== undefined && { search_path: quoteIdentifier(address.schema) }),
      ...(address.options !== undefined && { options: address.options }),
    },
  };
}

/** How an address is named in messages: without user and password. */
export function serverName({ hosts, socketPath, database }: DatabaseAddress): string {
  const place = socketPath ?? hosts.map(({ host, port }) => `${host}:${port}`).join(",");
  return `"${place}${database === undefined ? "" : `/${database}`}"`;
}

/** @param versionNumber as in `server_version_num`: 150004 is 15.4. */
export function refuseOldServer(versionNumber: number, version: string): void {
  if (versionNumber < oldestVersion)
    throw new Error(`it runs Postgres ${version}, and Keyplane needs 15 or newer`);
}

async function encryptionOf({ encryption, certificates }: DatabaseAddress) {
  if (encryption === "disable") return false;
  const files: ConnectionOptions = {
    ...(certificates.root && { ca: await readFile(certificates.root) }),
    ...(certificates.client && { cert: await readFile(certificates.client) }),
    ...(certificates.key && { key: await readFile(certificates.key) }),
  };
  switch (encryption) {
    case "prefer":
      return "prefer";
    case "require":
      return { ...files, rejectUnauthorized: false };
    case "verify-ca":
      return { ...files, checkServerIdentity: () => undefined };
    case "verify-full":
      return files;
  }
}

function quoteIdentifier(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

/** postgres.js takes lists and declares single values. A list is the only form in which an IPv6 address works. */
function asDeclared(hosts: { host: string[]; port: number[] }): object {
  return hosts;
}
