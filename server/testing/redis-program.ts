import { run } from "./command.ts";

declare module "vitest" {
  export interface ProvidedContext {
    /** Where `redis-server` is; null on a machine without it, whose run leaves out the tests that need it. */
    redisProgram: string | null;
  }
}

export async function findRedis(): Promise<string | null> {
  return (await run("sh", ["-c", "command -v redis-server"]).catch(() => "")) || null;
}
