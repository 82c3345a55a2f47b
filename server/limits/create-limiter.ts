import type { Logger } from "../log.ts";
import type { Limiter } from "./limiter.ts";
import { MemoryLimiter } from "./memory-limiter.ts";
import type { RedisFailure } from "./redis-limiter.ts";
import { readRedisUrl } from "./redis-url.ts";

export interface LimiterSettings {
  /** Undefined: this process counts for itself. */
  readonly redisUrl: string | undefined;
  readonly onRedisFailure: RedisFailure;
  readonly logger: Logger;
}

/**
 * The limiter of this process. A Redis that cannot be reached is no reason not to start, since it may come and go
 * later: a warning tells, and calls are decided on as whenever it is away.
 *
 * @throws Error when the URL cannot be read; it quotes nothing of it.
 */
export async function createLimiter({
  redisUrl,
  onRedisFailure,
  logger,
}: LimiterSettings): Promise<Limiter> {
  if (redisUrl === undefined) return new MemoryLimiter();
  const address = readRedisUrl(redisUrl);
  // Without Redis its client is not loaded: 60 ms and 19 MB.
  const { RedisLimiter } = await import("./redis-limiter.ts");
  return new RedisLimiter({ address, onRedisFailure, logger }).open();
}
