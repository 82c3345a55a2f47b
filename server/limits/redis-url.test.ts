import { pino } from "pino";
import { expect, test } from "vitest";
import { createLimiter } from "./create-limiter.ts";
import { MemoryLimiter } from "./memory-limiter.ts";
import { readRedisUrl } from "./redis-url.ts";

test.each([
  ["redis://127.0.0.1", { host: "127.0.0.1", port: 6379, db: 0, family: 0, tls: undefined }],
  ["redis://cache:6380/3", { host: "cache", port: 6380, db: 3 }],
  ["redis://cache?db=4&family=6", { host: "cache", db: 4, family: 6 }],
  ["redis://[::1]:6380/", { host: "::1", port: 6380, db: 0 }],
  ["redis://:p%40ss%2Fword%25@cache", { username: undefined, password: "p@ss/word%" }],
  ["redis://us%40er:secret@cache", { username: "us@er", password: "secret" }],
  ["rediss://default:secret@cache.example", { tls: { servername: "cache.example" } }],
  ["rediss://10.0.0.1", { tls: {} }],
  [
    "rediss://cache?ssl_cert_reqs=none",
    { tls: { servername: "cache", rejectUnauthorized: false } },
  ],
  ["REDISS://cache?ssl_cert_reqs=required", { tls: { servername: "cache" } }],
])("%s is read", (url, address) => {
  expect(readRedisUrl(url)).toMatchObject(address);
});

test.each([
  "",
  "cache:6379",
  "//:secret@cache",
  "http://:secret@cache",
  "redis://",
  "redis:///1",
  "redis://:sec/ret@cache",
  "redis://:sec#ret@cache",
  "redis://:sec?ret@cache",
  "redis://secret:12/34@cache",
  "redis://secret:12#34@cache",
  "redis://secret:12?34@cache",
  "redis://:secret%@cache",
  "redis://:secret@cache/secret",
  "redis://:secret@cache/0/secret",
  "redis://:secret@cache:99999",
  "redis://:secret@cache?db=secret",
  "redis://:secret@cache?family=5",
  "redis://:secret@cache?enableOfflineQueue=true",
  "redis://:secret@cache?constructor=1",
  "rediss://:secret@cache?ssl_cert_reqs=CERT_NONE",
])("%s is refused, and nothing of it is quoted", async (url) => {
  const limiter = createLimiter({
    redisUrl: url,
    onRedisFailure: "fail_open",
    logger: pino({ level: "silent" }),
  });
  const error: unknown = await limiter.catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(Error);
  expect(String(error)).toMatch(/^Error: Cannot read the Redis URL: /);
  expect(String(error)).not.toMatch(/secret|sec|ret|12|34|cache/);
});

test("without a URL a process counts for itself", async () => {
  const limiter = await createLimiter({
    redisUrl: undefined,
    onRedisFailure: "fail_closed",
    logger: pino({ level: "silent" }),
  });
  expect(limiter).toBeInstanceOf(MemoryLimiter);
  await limiter.close();
});
