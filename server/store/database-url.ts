/** What a database URL says, in the terms of this program. */
export interface DatabaseAddress {
  /** More than one for servers that stand in for each other; tried in turn. */
  readonly hosts: { readonly host: string; readonly port: number }[];
  /** A Unix socket, instead of the hosts. */
  readonly socketPath: string | undefined;
  readonly user: string | undefined;
  readonly password: string | undefined;
  readonly database: string | undefined;
  readonly encryption: Encryption;
  /** Files in PEM that `encryption` needs, when the URL names any. */
  readonly certificates: {
    readonly root?: string;
    readonly client?: string;
    readonly key?: string;
  };
  /** The schema to work in; undefined for the server's default. */
  readonly schema: string | undefined;
  /** Connections are shared between transactions: no prepared statements, no LISTEN. */
  readonly pooled: boolean;
  readonly poolSize: number | undefined;
  readonly connectTimeoutSeconds: number | undefined;
  readonly targetSession: TargetSession | undefined;
  readonly applicationName: string | undefined;
  /** Command-line options for the server, as `-c name=value`. */
  readonly options: string | undefined;
}

/** The modes of libpq, with `allow` taken as `prefer`. */
export type Encryption = "disable" | "prefer" | "require" | "verify-ca" | "verify-full";
export type TargetSession = "read-write" | "read-only" | "primary" | "standby" | "prefer-standby";

const form = /^postgres(?:ql)?:\/\/(?:([^/?]*)@)?([^/?#@]*)(?:\/([^?#]*))?(?:\?([^#]*))?$/;

/**
 * Parameters that other programs read and that change nothing here. `channel_binding` is among them because
 * postgres.js cannot do it; the password is never sent in the clear either way.
 */
const withoutEffect = new Set(
  `channel_binding gssencmode sslsni sslcompression sslnegotiation client_encoding
   keepalives keepalives_idle keepalives_interval keepalives_count tcp_user_timeout
   fallback_application_name load_balance_hosts uselibpqcompat
   pool_timeout socket_timeout statement_cache_size max_idle_connection_lifetime
   supa workaround`.split(/\s+/),
);

const withEffect = new Set(
  `host port user password dbname options application_name target_session_attrs
   sslmode ssl sslaccept sslrootcert sslcert sslkey
   schema pgbouncer connection_limit connect_timeout`.split(/\s+/),
);

/**
 * Reads a database URL with the parameters that libpq, Prisma and hosting services put there.
 *
 * postgres.js would send those it does not know to the server, which refuses them. Unknown ones are refused
 * here: ignoring a misspelt `sslmode` would mean connecting without what was asked for.
 *
 * @throws Error that never quotes the URL, since it holds a password.
 */
export function readDatabaseUrl(url: string): DatabaseAddress {
  const match = form.exec(url.trim());
  if (!match)
    throw unreadable(
      "it must look like postgres://user:password@host:5432/database, special characters percent-encoded",
    );
  const [, credentials, authority = "", path = "", query = ""] = match;
  const parameters = new URLSearchParams(query);
  refuseUnknown(parameters);
  const hosts = readHosts(parameters.get("host") ?? authority, parameters.get("port"));
  return {
    hosts,
    socketPath: readSocketPath(parameters.get("host") ?? decode(authority), parameters.get("port")),
    ...readIdentity(credentials, path, parameters),
    ...readEncryption(parameters),
    schema: parameters.get("schema") ?? undefined,
    pooled: parameters.get("pgbouncer") === "true" || hosts.some(isHostedPooler),
    poolSize: readCount(parameters, "connection_limit", 1),
    connectTimeoutSeconds: readCount(parameters, "connect_timeout", 0),
    targetSession: readTargetSession(parameters.get("target_session_attrs")),
    applicationName: parameters.get("application_name") ?? undefined,
    options: parameters.get("options") ?? undefined,
  };
}

function refuseUnknown(parameters: URLSearchParams): void {
  for (const name of parameters.keys()) {
    if (withEffect.has(name) || withoutEffect.has(name)) continue;
    throw unreadable(
      `parameter "${name}" is not known; a setting of the server goes into options=-c%20name=value`,
    );
  }
}

function readIdentity(credentials: string | undefined, path: string, parameters: URLSearchParams) {
  const colon = credentials?.indexOf(":") ?? -1;
  const user = colon === -1 ? credentials : credentials?.slice(0, colon);
  const password = colon === -1 ? undefined : credentials?.slice(colon + 1);
  return {
    user: parameters.get("user") ?? (decode(user) || undefined),
    password: parameters.get("password") ?? decode(password),
    database: parameters.get("dbname") ?? (decode(path) || undefined),
  };
}

function readHosts(authority: string, defaultPort: string | null): DatabaseAddress["hosts"] {
  if (authority.includes("/") || /%2f/i.test(authority)) return [];
  return authority.split(",").map((part) => {
    const match = /^(\[[^\]]*\]|[^:]*)(?::(\d+))?$/.exec(part);
    // The part is not quoted: a password with an unescaped "/" would be taken for a host and a port.
    if (!match)
      throw unreadable(
        "a host or its port is malformed; special characters in a password must be percent-encoded",
      );
    const [, host = "", port = defaultPort ?? "5432"] = match;
    return { host: decode(host).replace(/^\[|\]$/g, "") || "localhost", port: Number(port) };
  });
}

function readSocketPath(host: string, port: string | null): string | undefined {
  return host.startsWith("/") ? `${host}/.s.PGSQL.${port ?? "5432"}` : undefined;
}

/** Both share the connections of a transaction pooler without a word of it in the URL that they hand out. */
function isHostedPooler({ host, port }: { host: string; port: number }): boolean {
  const supabase = port === 6543 && /\.supabase\.(com|co)$/.test(host);
  const neon = /^[^.]+-pooler\./.test(host) && host.endsWith(".neon.tech");
  return supabase || neon;
}

function readEncryption(
  parameters: URLSearchParams,
): Pick<DatabaseAddress, "encryption" | "certificates"> {
  const root = parameters.get("sslrootcert");
  const client = parameters.get("sslcert");
  const key = parameters.get("sslkey");
  // libpq means a client's certificate and gives its key too; Prisma means the authority's.
  const authority = root ?? (key ? null : client);
  const mode = readMode(parameters);
  const certificates = {
    ...(authority && authority !== "system" && { root: authority }),
    ...(client && key && { client, key }),
  };
  if (root === "system" || parameters.get("sslaccept") === "strict")
    return { encryption: "verify-full", certificates };
  // libpq does the same: naming an authority and not checking against it would be pointless.
  if (mode === "require" && authority) return { encryption: "verify-ca", certificates };
  return { encryption: mode, certificates };
}

function readMode(parameters: URLSearchParams): Encryption {
  const mode = parameters.get("sslmode") ?? modeOfSsl(parameters.get("ssl"));
  switch (mode) {
    case null:
    case "allow":
    case "prefer":
      return "prefer";
    case "disable":
    case "require":
    case "verify-ca":
    case "verify-full":
      return mode;
    default:
      throw unreadable(
        `sslmode "${mode}" is not one of disable, allow, prefer, require, verify-ca, verify-full`,
      );
  }
}

function modeOfSsl(ssl: string | null): string | null {
  if (ssl === "true" || ssl === "1") return "require";
  return ssl === "false" || ssl === "0" ? "disable" : ssl;
}

function readTargetSession(value: string | null): TargetSession | undefined {
  switch (value) {
    case null:
    case "any":
      return undefined;
    case "read-write":
    case "read-only":
    case "primary":
    case "standby":
    case "prefer-standby":
      return value;
    default:
      throw unreadable(`target_session_attrs "${value}" is not known`);
  }
}

function readCount(parameters: URLSearchParams, name: string, least: number): number | undefined {
  const text = parameters.get(name);
  if (text === null) return undefined;
  if (!/^\d{1,6}$/.test(text) || Number(text) < least)
    throw unreadable(`${name} "${text}" is not a whole number of at least ${least}`);
  return Number(text);
}

function decode(text: string): string;
function decode(text: string | undefined): string | undefined;
function decode(text: string | undefined): string | undefined {
  if (text === undefined) return undefined;
  try {
    return decodeURIComponent(text);
  } catch {
    throw unreadable('a "%" that is meant as such must be written "%25"');
  }
}

function unreadable(reason: string): Error {
  return new Error(`Cannot read the database URL: ${reason}`);
}
