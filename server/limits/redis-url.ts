import { isIP } from "node:net";
import type { RedisOptions } from "ioredis";

/** Where Redis is, in the terms of ioredis. */
export type RedisAddress = Pick<
  RedisOptions,
  "host" | "port" | "family" | "username" | "password" | "db" | "tls"
>;

/**
 * What may follow a `?`, and its values. `family` because the hosts of some services have only IPv6 addresses;
 * `ssl_cert_reqs` is redis-py's, and its `none` is for certificates that nobody vouches for, as Heroku's.
 */
const parameters = new Map([
  ["db", /^\d{1,5}$/],
  ["family", /^[046]$/],
  ["ssl_cert_reqs", /^(none|optional|required)$/],
]);

const form = "it must look like redis://user:password@host:6379/0, or rediss://… for TLS";
const escaping = "special characters in a password must be percent-encoded";

/**
 * Reads a Redis URL. ioredis itself would take any of its options from there, those that this program relies on
 * included, and ignore what it does not know.
 *
 * @throws Error that quotes nothing of the URL, since it holds a password.
 */
export function readRedisUrl(text: string): RedisAddress {
  if (!/^\s*rediss?:\/\//i.test(text) || !URL.canParse(text)) throw unreadable(form);
  const { protocol, hostname, port, username, password, pathname, hash, searchParams } = new URL(
    text,
  );
  if (hostname === "" || hash !== "") throw unreadable(`${form}; ${escaping}`);
  refuseUnknown(searchParams);
  const database = searchParams.get("db") ?? (pathname.replace(/^\//, "") || "0");
  if (!/^\d{1,5}$/.test(database))
    throw unreadable(`the number of a database must follow the host, if anything; ${escaping}`);
  const host = decode(hostname).replace(/^\[|\]$/g, "");
  return {
    host,
    port: Number(port || "6379"),
    family: Number(searchParams.get("family") ?? "0"),
    username: decode(username) || undefined,
    password: decode(password) || undefined,
    db: Number(database),
    tls: protocol === "rediss:" ? tlsFor(host, searchParams) : undefined,
  };
}

function refuseUnknown(given: URLSearchParams): void {
  for (const [name, value] of given)
    if (!parameters.get(name)?.test(value))
      throw unreadable(
        `the parameters that it may have are db, family (4 or 6) and ssl_cert_reqs (none, optional or required); ${escaping}`,
      );
}

function tlsFor(host: string, given: URLSearchParams): RedisAddress["tls"] {
  return {
    // Node does not send the name by itself, and a service behind one address for many needs it.
    ...(isIP(host) === 0 && { servername: host }),
    ...(given.get("ssl_cert_reqs") === "none" && { rejectUnauthorized: false }),
  };
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw unreadable('a "%" that is meant as such must be written "%25"');
  }
}

function unreadable(reason: string): Error {
  return new Error(`Cannot read the Redis URL: ${reason}`);
}
