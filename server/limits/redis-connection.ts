import { Redis, type Result } from "ioredis";
import { within } from "../deadline.ts";
import type { Logger } from "../log.ts";
import type { RedisAddress } from "./redis-url.ts";
import { giveBackScript, renewScript, takeScript } from "./scripts.ts";

type Keys = readonly string[];
type Values = readonly (string | number)[];

/** See the script. */
export type TakeReply = readonly [
  refusing: number,
  retryAfterMs: number,
  taken: readonly number[],
  resets: readonly number[],
  starts: readonly number[],
];

declare module "ioredis" {
  interface RedisCommander<Context> {
    limitsTake(keyCount: number, keys: Keys, values: Values): Result<TakeReply, Context>;
    limitsGiveBack(keyCount: number, keys: Keys, values: Values): Result<null, Context>;
    limitsRenew(keyCount: number, keys: Keys, values: Values): Result<null, Context>;
  }
}

/** For a connection to be made, and for an answer to what nobody waits for. */
const socketTimeoutMs = 2_000;

/** A Redis that answers that it is still loading may do so for minutes. */
const openTimeoutMs = 3_000;

/**
 * How often it is looked, while a call waits, whether Redis has said anything. A look is a turn of the event loop at
 * least, in which what has arrived is read, so that a process which was held up itself does not take Redis for away.
 */
const looks = 5;

/** Between two complaints about a Redis that answers, but not with what was asked for. */
const complaintIntervalMs = 60_000;

export interface ConnectionSettings {
  readonly address: RedisAddress;
  readonly logger: Logger;
  /** What its absence means, for the log. */
  readonly consequence: string;
  /** A call that waits so long for a word of Redis finds it away. */
  readonly answerWithinMs: number;
  /** Whenever it is there, after having been away too. */
  readonly onReady: () => void;
}

/**
 * The connection to Redis: whether it is there, and the three things that it is asked.
 *
 * Redis is away until a connection has been made and has answered, so what is asked meanwhile fails at once. Nothing is
 * sent twice: the answer that was lost with a connection may have been a yes.
 */
export class RedisConnection {
  readonly #redis: Redis;
  readonly #settings: ConnectionSettings;
  #owed = 0;
  #silentLooks = 0;
  #looking: NodeJS.Timeout | undefined;
  #isGathering = false;
  #reason = "";
  #isAway = false;
  #isClosed = false;
  #complainedMs = -Infinity;

  constructor(settings: ConnectionSettings) {
    this.#settings = settings;
    this.#redis = new Redis({
      ...settings.address,
      lazyConnect: true,
      // Nothing of its third version is used, and some that stand before Redis do not speak it.
      protocol: 2,
      disableClientInfo: true,
      enableOfflineQueue: false,
      // With 1 a take whose answer was lost would be sent again, and counted twice.
      maxRetriesPerRequest: 0,
      connectTimeout: socketTimeoutMs,
      socketTimeout: socketTimeoutMs,
      keepAlive: 10_000,
      retryStrategy: (times) => Math.min(times * 100, 1_000),
      // A failover made a replica of the one that this talks to; the address leads to the new one.
      reconnectOnError: (error) => error.message.startsWith("READONLY"),
      scripts: {
        limitsTake: { lua: takeScript },
        limitsGiveBack: { lua: giveBackScript },
        limitsRenew: { lua: renewScript },
      },
    });
    this.#redis.on("error", (error: NodeJS.ErrnoException) => {
      // Only its words: beside them ioredis puts the command, and that of a login holds the password.
      this.#reason = error.message || String(error.code);
    });
    this.#redis.on("ready", () => this.#found());
    this.#redis.on("close", () => this.#lost());
  }

  /** Waits for the first connection, but not for long: the program starts without Redis, and says so. */
  async open(): Promise<void> {
    const connecting = this.#redis.connect().catch(() => undefined);
    await within(connecting, openTimeoutMs, "reach Redis").catch((error: Error) => {
      this.#reason = error.message;
      this.#lost();
    });
  }

  get isReady(): boolean {
    return this.#redis.status === "ready";
  }

  /** Rejects when no answer comes in time, or an error. */
  async take(keys: Keys, values: Values): Promise<TakeReply> {
    this.#gather();
    this.#owed += 1;
    this.#look();
    try {
      return await this.#redis.limitsTake(keys.length, keys, values);
    } catch (error) {
      if (isRefusal(error)) this.#complain(error.message);
      throw error;
    } finally {
      this.#owed -= 1;
      this.#silentLooks = 0;
    }
  }

  async giveBack(keys: Keys, values: Values): Promise<void> {
    this.#gather();
    await this.#redis.limitsGiveBack(keys.length, keys, values);
  }

  /** Whether it has arrived shows at the next renewal. */
  renew(key: string, values: Values): void {
    this.#gather();
    this.#redis.limitsRenew(1, [key], values).catch(() => undefined);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#looking);
    // What calls have just given back is on its way.
    if (this.isReady)
      await within(this.#redis.quit(), this.#settings.answerWithinMs, "leave Redis").catch(
        () => {},
      );
    this.#redis.disconnect();
    this.#redis.stream?.destroy();
  }

  /**
   * What is asked in one turn of the event loop leaves in one write, which saves a fifth of what asking costs. The
   * client's own way to do so saves nothing, and keeps each batch until the one before is answered.
   */
  #gather(): void {
    const { stream } = this.#redis;
    if (this.#isGathering || !stream) return;
    this.#isGathering = true;
    stream.cork();
    setImmediate(() => {
      this.#isGathering = false;
      stream.uncork();
    });
  }

  #look(): void {
    this.#looking ??= setTimeout(() => {
      this.#looking = undefined;
      if (this.#owed === 0 || this.#isClosed) return;
      this.#silentLooks += 1;
      if (this.#silentLooks < looks) return this.#look();
      this.#reason = `no answer within ${this.#settings.answerWithinMs} ms`;
      // Whatever is asked of this connection fails with it, and the next one is tried.
      this.#redis.stream.destroy();
    }, this.#settings.answerWithinMs / looks);
  }

  #found(): void {
    if (this.#isAway) this.#settings.logger.info("Redis is back: limits are shared again");
    this.#isAway = false;
    this.#settings.onReady();
  }

  #lost(): void {
    const reason = this.#reason || "the connection ended";
    this.#reason = "";
    if (this.#isAway || this.#isClosed) return;
    this.#isAway = true;
    this.#settings.logger.warn({ reason }, `Redis is away: ${this.#settings.consequence}`);
  }

  #complain(reason: string): void {
    const nowMs = performance.now();
    if (nowMs - this.#complainedMs < complaintIntervalMs) return;
    this.#complainedMs = nowMs;
    this.#settings.logger.warn({ reason }, `Redis does not count: ${this.#settings.consequence}`);
  }
}

/** Whether Redis has answered, but with an error. */
export function isRefusal(error: unknown): error is Error {
  return error instanceof Error && error.name === "ReplyError";
}
