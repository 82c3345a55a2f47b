import { expect, test } from "vitest";
import { readDatabaseUrl } from "./database-url.ts";

const plain = { pooled: false, poolSize: undefined, schema: undefined, encryption: "prefer" };

test.each([
  [
    "postgres://u:p@db:5433/app",
    { ...plain, hosts: [{ host: "db", port: 5433 }], user: "u", password: "p", database: "app" },
  ],
  ["postgresql://u@db/app", { ...plain, hosts: [{ host: "db", port: 5432 }], password: undefined }],
  [
    "postgres://postgres.abcd:p%40ss@aws-0-eu-central-1.pooler.supabase.com:6543/postgres?pgbouncer=true&connection_limit=1",
    { pooled: true, poolSize: 1, user: "postgres.abcd", password: "p@ss" },
  ],
  [
    "postgres://postgres.abcd:p@aws-0-eu-central-1.pooler.supabase.com:6543/postgres",
    { pooled: true },
  ],
  [
    "postgres://postgres.abcd:p@aws-0-eu-central-1.pooler.supabase.com:5432/postgres",
    { pooled: false },
  ],
  [
    "postgres://u:p@aws-0-us-east-1.pooler.supabase.com:6543/postgres?sslmode=require&supa=base-pooler.x",
    { encryption: "require" },
  ],
  [
    "postgresql://owner:npg_x@ep-cool-dawn-123-pooler.eu-central-1.aws.neon.tech/neondb?sslmode=require&channel_binding=require",
    { pooled: true, encryption: "require", database: "neondb" },
  ],
  [
    "postgresql://owner:npg_x@ep-cool-dawn-123.eu-central-1.aws.neon.tech/neondb?sslmode=verify-full&options=endpoint%3Dep-cool-dawn-123",
    { pooled: false, encryption: "verify-full", options: "endpoint=ep-cool-dawn-123" },
  ],
  [
    "postgresql://u:p@localhost:5432/app?schema=keyplane&connection_limit=5&pool_timeout=10&connect_timeout=3&socket_timeout=5",
    { schema: "keyplane", poolSize: 5, connectTimeoutSeconds: 3, pooled: false },
  ],
  [
    "postgresql://u:p@db/app?sslmode=prefer&sslaccept=strict&sslcert=/ca.pem",
    { encryption: "verify-full", certificates: { root: "/ca.pem" } },
  ],
  [
    "postgres://u:p@db/app?sslmode=require&sslrootcert=/ca.pem",
    { encryption: "verify-ca", certificates: { root: "/ca.pem" } },
  ],
  ["postgres://u:p@db/app?sslrootcert=system", { encryption: "verify-full", certificates: {} }],
  [
    "postgres://u@db/app?sslmode=verify-ca&sslcert=/me.pem&sslkey=/me.key",
    { encryption: "verify-ca", certificates: { client: "/me.pem", key: "/me.key" } },
  ],
  ["postgres://u:p@db/app?sslmode=disable", { encryption: "disable" }],
  ["postgres://u:p@db/app?ssl=true", { encryption: "require" }],
  [
    "postgres://u:p@a:1,b:2/app?target_session_attrs=read-write",
    {
      hosts: [
        { host: "a", port: 1 },
        { host: "b", port: 2 },
      ],
      targetSession: "read-write",
    },
  ],
  ["postgres://u:p@[::1]:5432/app", { hosts: [{ host: "::1", port: 5432 }] }],
  [
    "postgres://u:p@/app?host=/cloudsql/project:region:instance",
    { socketPath: "/cloudsql/project:region:instance/.s.PGSQL.5432" },
  ],
  [
    "postgres://u:p@localhost/app?host=/var/run/postgresql&port=5433",
    { socketPath: "/var/run/postgresql/.s.PGSQL.5433" },
  ],
  ["postgres://u:p@%2Fvar%2Frun/app", { socketPath: "/var/run/.s.PGSQL.5432", hosts: [] }],
  [
    "postgres://u:p#w@db/app?application_name=gateway",
    { password: "p#w", applicationName: "gateway" },
  ],
])("%s", (url, expected) => {
  expect(readDatabaseUrl(url)).toMatchObject(expected);
});

const secret = "s3cret";

test.each([
  [`mysql://u:${secret}@db/app`, "it must look like postgres://"],
  [`postgres://u:${secret}/x@db/app`, "must be percent-encoded"],
  [`postgres://u:${secret}%@db/app`, '"%25"'],
  [`postgres://u:${secret}@db/app?sslmod=require`, 'parameter "sslmod" is not known'],
  [`postgres://u:${secret}@db/app?sslmode=yes`, 'sslmode "yes"'],
  [`postgres://u:${secret}@db/app?connection_limit=0`, 'connection_limit "0"'],
  [`postgres://u:${secret}@db/app?connect_timeout=soon`, 'connect_timeout "soon"'],
  [`postgres://u:${secret}@db:port/app`, "a host or its port is malformed"],
])("%s is refused without printing the password", (url, reason) => {
  expect(() => readDatabaseUrl(url)).toThrow(reason);
  expect(() => readDatabaseUrl(url)).not.toThrow(secret);
});
