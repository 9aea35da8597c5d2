import { defineConfig } from "vitest/config";
import { sharedSettings, sharedTestSettings } from "../../infra/ci/vitest-settings.ts";

export default defineConfig({
  ...sharedSettings,
  test: {
    ...sharedTestSettings,
    testTimeout: 120_000,
    hookTimeout: 180_000,
    // Each file starts a whole stack of processes; two at a time would only slow each other down.
    fileParallelism: false,
    globalSetup: "./test/global-setup.ts",
  },
});
