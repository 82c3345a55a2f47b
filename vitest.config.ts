import { availableParallelism } from "node:os";
import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["{server,shared,client,bench}/**/*.test.ts"],
    globalSetup: ["server/testing/global-setup.ts"],
    // One more than the cores: some files wait for most of their time, one of them for a minute.
    maxWorkers: availableParallelism() + 1,
    // Some tests hold the gateway to a time, which a machine that is shared with others may miss once. Vitest names
    // every test that it had to run again.
    retry: 2,
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
});
