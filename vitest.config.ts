import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["{server,shared,client,bench}/**/*.test.ts"],
    globalSetup: ["server/testing/global-setup.ts"],
    // One less than the cores is the default: half of a machine that has two.
    maxWorkers: "100%",
    testTimeout: 30_000,
    hookTimeout: 60_000,
  },
});
